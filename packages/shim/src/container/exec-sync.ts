import { Writable } from 'node:stream';
import type { ExecSyncRequest, ExecSyncResponse } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import { type CallContext, maxMessageBytes } from '@berth/sdk/serve';
import type { Shim } from '../shim.ts';
import { checkCommand } from './check-command.ts';
import { runningContainer } from './running-container.ts';

/** CRI caps each stream at 16 MB and drops what is beyond without an error; both have to fit into one message, with its other fields. */
const outputLimitBytes = maxMessageBytes - 1024;

/** setTimeout's largest delay; a longer time limit is none. */
const longestTimerMs = 2 ** 31 - 1;

/** CRI ExecSync: runs a command in a running container. It takes no lock: commands run beside each other, and beside a stop. */
export async function execSync(
  shim: Shim,
  { containerId, cmd, timeout }: ExecSyncRequest,
  { signal }: CallContext,
): Promise<ExecSyncResponse> {
  const { object, spec } = runningContainer(shim, containerId, 'commands run');
  checkCommand(cmd, object);
  const leave = shim.commands.enter(object);
  const [stdout, stderr] = [new LimitedBuffer(outputLimitBytes), new LimitedBuffer(outputLimitBytes)];
  const timeLimit = timeLimitOf(timeout);
  const limit = timeLimit ? AbortSignal.any([signal, timeLimit]) : signal;
  try {
    const exitCode = await shim.runtime.exec(spec, { args: cmd }, { stdout, stderr }, limit);
    // A runtime may answer with the code of the command that it killed.
    limit.throwIfAborted();
    return { ...fitting(stdout.bytes(), stderr.bytes()), exitCode };
  } catch (error) {
    if (!timeLimit?.aborted || signal.aborted) throw error;
    throw new PluginError('DEADLINE_EXCEEDED', `the command ${JSON.stringify(cmd[0])} didn't end within ${timeout} s and was killed`, {
      object,
      cause: error,
    });
  } finally {
    leave();
  }
}

function timeLimitOf(seconds: bigint): AbortSignal | undefined {
  const milliseconds = Number(seconds) * 1000;
  return milliseconds > 0 && milliseconds <= longestTimerMs ? AbortSignal.timeout(milliseconds) : undefined;
}

/** Both as far as they fit into one message together; half of it is each one's own. */
function fitting(stdout: Buffer, stderr: Buffer): { stdout: Buffer; stderr: Buffer } {
  const room = (other: Buffer): number => Math.max(outputLimitBytes - other.length, outputLimitBytes / 2);
  return { stdout: stdout.subarray(0, room(stderr)), stderr: stderr.subarray(0, room(stdout)) };
}

/** Keeps the first bytes that are written to it, and takes the rest without keeping it. */
class LimitedBuffer extends Writable {
  readonly #chunks: Buffer[] = [];
  #room: number;

  constructor(limitBytes: number) {
    super();
    this.#room = limitBytes;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    const kept = chunk.subarray(0, this.#room);
    if (kept.length > 0) this.#chunks.push(kept);
    this.#room -= kept.length;
    done();
  }

  bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }
}
