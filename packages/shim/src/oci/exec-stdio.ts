import type { ChildProcess } from 'node:child_process';
import { closeSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ProcessStreams, TerminalSize } from '../runtime.ts';
import { syscalls } from '../syscalls.ts';
import { PseudoTerminal } from './pseudo-terminal.ts';

/** A child's stdio, joined to the streams of whoever runs it. */
export interface ExecStdio {
  /** For `spawn`. */
  readonly descriptors: [number | 'ignore', number, number];
  /** Called once the child has them, or could not be made. */
  closeDescriptors(): void;
  /** Resolves when all that the child printed has been written. What still holds the output open is waited for until the abort. */
  join(child: ChildProcess, signal: AbortSignal): Promise<void>;
}

/** Real pipes: a program that opens /dev/stdout can't open the sockets that Node would make. */
export function pipes({ stdin, stdout, stderr }: ProcessStreams): ExecStdio {
  const [output, errors] = [syscalls().pipe(), syscalls().pipe()];
  const input = stdin && syscalls().pipe();
  return {
    descriptors: [input?.read ?? 'ignore', output.write, errors.write],
    closeDescriptors() {
      for (const descriptor of [input?.read, output.write, errors.write]) if (descriptor !== undefined) closeSync(descriptor);
    },
    async join(child, signal) {
      const feed = input && new Socket({ fd: input.write, readable: false, writable: true });
      if (stdin && feed) send(stdin, feed, child);
      const copies = [
        [output.read, stdout],
        [errors.read, stderr],
      ] as const;
      await Promise.all(
        copies.map(([descriptor, target]) =>
          pipeline(new Socket({ fd: descriptor, readable: true, writable: false }), target, { end: false, signal }),
        ),
      );
    },
  };
}

/** A terminal of this process's, which the OCI runtime reads and writes for the one that it makes in the container. */
export function terminal({ stdin, stdout, resize }: ProcessStreams): ExecStdio {
  const pair = new PseudoTerminal();
  return {
    descriptors: [pair.terminal, pair.terminal, pair.terminal],
    closeDescriptors: () => pair.closeTerminal(),
    async join(child, signal) {
      // The end of the client's input ends no terminal.
      stdin?.pipe(pair.stream, { end: false });
      if (resize) void follow(resize, pair, child);
      try {
        await pipeline(pair.stream, stdout, { end: false, signal });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EIO') throw error;
      } finally {
        stdin?.unpipe(pair.stream);
        pair.stream.destroy();
      }
    },
  };
}

/** A process may end, or close its input, without having read all of it: that is no failure. */
function send(stdin: Readable, feed: Socket, child: ChildProcess): void {
  feed.on('error', () => stdin.unpipe(feed).resume());
  child.once('exit', () => feed.destroy());
  stdin.pipe(feed);
}

async function follow(sizes: AsyncIterable<TerminalSize>, pair: PseudoTerminal, child: ChildProcess): Promise<void> {
  try {
    for await (const size of sizes) {
      pair.resize(size);
      child.kill('SIGWINCH');
    }
  } catch {
    // The terminal or the client has gone, which those who read them notice.
  }
}
