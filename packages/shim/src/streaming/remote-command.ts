import { PassThrough, type Readable, Writable } from 'node:stream';
import { PluginError } from '@berth/sdk/errors';
import type { ProcessStreams, TerminalSize } from '../runtime.ts';
import { type CommandStatus, exitStatus, failureStatus } from './command-status.ts';

/** Which streams a client asked for. With a terminal, stderr is part of stdout. */
export interface RequestedStreams {
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
  tty: boolean;
}

/** An exec or attach that was asked for, until its client connects. */
export interface RemoteCommand {
  kind: 'exec' | 'attach';
  /** For messages: `container web (3f2a…)`. */
  object: string;
  streams: RequestedStreams;
  /** Runs the command on these streams, and gives its exit code; an attach gives 0. */
  run(streams: ProcessStreams, signal: AbortSignal): Promise<number>;
}

/** A connected client's ends, whatever protocol is under them. */
export interface ClientStreams {
  stdin: Readable | undefined;
  stdout: Writable | undefined;
  stderr: Writable | undefined;
  resize: AsyncIterable<TerminalSize> | undefined;
  /** Aborted when the client has gone. */
  gone: AbortSignal;
  /** Tells the client how it ended, once all output has gone out, and closes the connection. */
  finish(status: CommandStatus): Promise<void>;
}

/** Longest that an attached client may leave what it is sent untaken: so long the container waits for it, its log and its end too. */
const stallLimitMs = 10_000;

/**
 * Serves one exec or attach to a connected client. When the client goes away, an attach is detached and a command with a terminal
 * is killed, as if it had hung up; any other command goes on, with no input left and its output dropped. Throws DEADLINE_EXCEEDED, for
 * a client of an attach that takes nothing any more: it can't be told.
 */
export async function serveRemoteCommand(command: RemoteCommand, client: ClientStreams, signal: AbortSignal): Promise<void> {
  const endsWithClient = command.kind === 'attach' || command.streams.tty;
  const stalled = new AbortController();
  const limit = endsWithClient ? AbortSignal.any([signal, client.gone, stalled.signal]) : signal;
  const onStall = command.kind === 'attach' ? (): void => stalled.abort(takesNothing(command)) : undefined;
  const stdin = client.stdin && inputOf(client.stdin);
  const streams: ProcessStreams = {
    stdout: outputTo(client.stdout, onStall),
    stderr: outputTo(client.stderr, onStall),
    ...(stdin && { stdin }),
    ...(client.resize && { resize: client.resize }),
  };
  try {
    const status = await statusOf(command, streams, limit);
    // What the runtime has written may still be on its way through them.
    await Promise.all([streams.stdout, streams.stderr].map((output) => new Promise<void>((resolve) => output.end(() => resolve()))));
    stalled.signal.throwIfAborted();
    await client.finish(status);
  } finally {
    stdin?.destroy();
  }
}

async function statusOf(command: RemoteCommand, streams: ProcessStreams, signal: AbortSignal): Promise<CommandStatus> {
  try {
    return exitStatus(await command.run(streams, signal));
  } catch (error) {
    const doing = command.kind === 'exec' ? 'error executing command in container' : 'error attaching to container';
    return failureStatus(`${doing}: ${PluginError.from(error).message}`);
  }
}

/** The client's input; it ends, and doesn't fail, when the client goes. */
function inputOf(stdin: Readable): Readable {
  const input = new PassThrough();
  stdin.on('error', () => undefined).once('close', () => input.end());
  return stdin.pipe(input);
}

/** Output to the client as fast as it takes it; dropped where it didn't ask for it, and once it has gone or has stalled. */
function outputTo(client: Writable | undefined, onStall?: () => void): Writable {
  let isStalled = false;
  client?.on('error', () => undefined);
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      if (!client || client.destroyed || isStalled) return done();
      const stall = (): void => {
        isStalled = true;
        onStall?.();
        done();
      };
      const overdue = onStall && setTimeout(stall, stallLimitMs);
      client.write(chunk, () => {
        clearTimeout(overdue);
        if (!isStalled) done();
      });
    },
  });
}

function takesNothing({ object }: RemoteCommand): PluginError {
  return new PluginError('DEADLINE_EXCEEDED', `its client has taken no output for ${stallLimitMs / 1000} s`, {
    object: `attach to ${object}`,
  });
}
