import { Writable } from 'node:stream';
import type { ExecSyncRequest, ExecSyncResponse } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import type { CallContext } from '@berth/sdk/serve';
import type { Shim } from '../shim.ts';
import { checkCommand } from './exec.ts';
import { runningContainer } from './running-container.ts';

/** What is printed beyond is dropped without an error, as CRI has it: a response of 16 MiB is the largest that clients take. */
const outputLimitBytes = 16 * 1024 * 1024 - 1024;

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
  const room = { bytes: outputLimitBytes };
  const [stdout, stderr] = [new LimitedBuffer(room), new LimitedBuffer(room)];
  const timeLimit = timeLimitOf(timeout);
  const limit = timeLimit ? AbortSignal.any([signal, timeLimit]) : signal;
  try {
    const exitCode = await shim.runtime.exec(spec, { args: cmd }, { stdout, stderr }, limit);
    return { stdout: stdout.bytes(), stderr: stderr.bytes(), exitCode };
  } catch (error) {
    if (!timeLimit?.aborted || signal.aborted) throw error;
    throw new PluginError('DEADLINE_EXCEEDED', `the command ${JSON.stringify(cmd[0])} didn't end within ${timeout} s and was killed`, {
      object,
      cause: error,
    });
  }
}

function timeLimitOf(seconds: bigint): AbortSignal | undefined {
  const milliseconds = Number(seconds) * 1000;
  return milliseconds > 0 && milliseconds <= longestTimerMs ? AbortSignal.timeout(milliseconds) : undefined;
}

/** Keeps what is written to it while there is room, which it may share with others, and takes the rest without keeping it. */
class LimitedBuffer extends Writable {
  readonly #chunks: Buffer[] = [];
  readonly #room: { bytes: number };

  constructor(room: { bytes: number }) {
    super();
    this.#room = room;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    const kept = chunk.subarray(0, this.#room.bytes);
    if (kept.length > 0) this.#chunks.push(kept);
    this.#room.bytes -= kept.length;
    done();
  }

  bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }
}
