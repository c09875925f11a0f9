import { closeSync, constants, openSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import { PluginError } from '@berth/sdk/errors';
import type { ProcessStreams, TerminalSize } from '../runtime.ts';
import type { MonitoredContainer } from './conmon.ts';
import { resizeTerminal, tellConmon } from './conmon-control.ts';
import { PacketSocket } from './packet-socket.ts';

/** conmon's messages: which stream in the first byte, and at most its STDIO_BUF_SIZE of what was printed (conmon, conn_sock.c). */
const stderrMark = 3;
const longestOutput = 1 + 8192;
/** What conmon reads at once; the rest of a longer message would be lost. */
const longestInput = 8192;

/** As Runtime.attach, over the socket in the bundle that conmon keeps open for as long as the process runs, over a restart too. */
export async function attachToConmon(
  { name, bundle, stdin: takesInput, tty }: MonitoredContainer,
  { stdin, stdout, stderr, resize }: ProcessStreams,
  signal: AbortSignal,
): Promise<void> {
  const socket = connectIn(bundle, name);
  const ended = new AbortController();
  const limit = AbortSignal.any([signal, ended.signal]);
  if (stdin && takesInput) void sendInput(socket, stdin, tty, limit);
  // Left unread, it would hold up what else the client sends, and keep its end from being seen.
  else stdin?.resume();
  if (resize && tty) void follow(resize, bundle, limit);
  try {
    for (let message = await socket.receive(longestOutput, signal); message; message = await socket.receive(longestOutput, signal)) {
      await write(message[0] === stderrMark ? stderr : stdout, message.subarray(1));
    }
  } finally {
    ended.abort();
    stdin?.destroy();
    socket.close();
  }
}

/** A socket's path is short, a bundle's is not: the way is by a descriptor of it. */
function connectIn(bundle: string, name: string): PacketSocket {
  const directory = openSync(bundle, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    return new PacketSocket(`/proc/self/fd/${directory}/attach`);
  } catch (cause) {
    throw new PluginError('UNAVAILABLE', `conmon can't be reached: ${(cause as Error).message}`, { object: `container ${name}`, cause });
  } finally {
    closeSync(directory);
  }
}

/** The end of the input is the end of the container's, if it is to be (stdin_once); a terminal has none. */
async function sendInput(socket: PacketSocket, stdin: Readable, tty: boolean, signal: AbortSignal): Promise<void> {
  try {
    for await (const chunk of stdin) {
      const bytes = chunk as Buffer;
      for (let at = 0; at < bytes.length; at += longestInput) {
        if (!(await socket.send(bytes.subarray(at, at + longestInput), signal))) return;
      }
    }
    if (!tty && !signal.aborted) socket.endSending();
  } catch {
    // The client or the container has gone: the output's end follows.
  }
}

async function follow(sizes: AsyncIterable<TerminalSize>, bundle: string, signal: AbortSignal): Promise<void> {
  try {
    for await (const size of sizes) {
      if (signal.aborted) return;
      await tellConmon(bundle, resizeTerminal(size));
    }
  } catch {
    // The container has ended: so does the attachment.
  }
}

/** Resolves when there is room for more. */
async function write(stream: Writable, bytes: Uint8Array): Promise<void> {
  await new Promise<void>((resolve) => stream.write(bytes, () => resolve()));
}
