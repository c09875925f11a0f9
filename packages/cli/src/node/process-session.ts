import type { ReadStream, WriteStream } from 'node:tty';
import { PluginError } from '@berth/sdk/errors';
import type { RawData, WebSocket } from 'ws';

/** Channels of v4.channel.k8s.io, and of v5 the last one, whose data names a channel that is closed. */
const channels = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, close: 255 } as const;

/** Exit status of what was cut off, as ssh has it. */
const cutOff = 255;

export interface SessionOptions {
  stdin: boolean;
  tty: boolean;
}

/**
 * Joins this process's standard streams to a session with a container's process, until that ends; gives its exit code. With a
 * terminal and input, keys go to the process as they are, Ctrl-C too; without input Ctrl-C is this process's own.
 */
export async function joinSession(socket: WebSocket, { stdin, tty }: SessionOptions): Promise<number> {
  const { promise: closed, resolve, reject } = Promise.withResolvers<void>();
  let status = '';
  socket.once('close', () => resolve()).once('error', reject);
  socket.on('message', (data: RawData) => {
    const message = data as Buffer;
    const bytes = message.subarray(1);
    if (message[0] === channels.error) status += bytes.toString();
    else if (bytes.length > 0) print(socket, message[0] === channels.stderr ? process.stderr : process.stdout, bytes);
  });
  const stopInput = stdin ? sendInput(socket, process.stdin) : () => undefined;
  const restoreKeys = stdin && tty ? takeKeys() : () => undefined;
  const stopSizes = tty ? tellSizes(socket) : () => undefined;
  socket.resume();
  try {
    await closed;
  } finally {
    stopSizes();
    restoreKeys();
    stopInput();
  }
  return exitCodeOf(status);
}

/** What is printed more slowly than it comes is waited for. */
function print(socket: WebSocket, output: NodeJS.WriteStream, bytes: Buffer): void {
  if (output.write(bytes)) return;
  socket.pause();
  output.once('drain', () => socket.resume());
}

function sendInput(socket: WebSocket, input: ReadStream): () => void {
  const send = (chunk: Buffer): void => {
    input.pause();
    socket.send(Buffer.concat([Buffer.from([channels.stdin]), chunk]), () => input.resume());
  };
  // v4 has no way to tell.
  const end = (): void => void (socket.protocol.startsWith('v5') && socket.send(Buffer.from([channels.close, channels.stdin])));
  input.on('data', send).once('end', end);
  return () => {
    input.off('data', send).off('end', end).pause();
    input.unref?.();
  };
}

/** Keys come one by one and untouched, until the returned function is called. */
function takeKeys(): () => void {
  process.stdin.setRawMode?.(true);
  return () => void process.stdin.setRawMode?.(false);
}

/** The size of the window, and each new one until the returned function is called. */
function tellSizes(socket: WebSocket): () => void {
  const terminal: WriteStream = process.stdout;
  if (!terminal.isTTY) return () => undefined;
  const tell = (): void => {
    const size = JSON.stringify({ Width: terminal.columns, Height: terminal.rows });
    socket.send(Buffer.concat([Buffer.from([channels.resize]), Buffer.from(size)]));
  };
  tell();
  terminal.on('resize', tell);
  return () => void terminal.off('resize', tell);
}

/** Of the metav1.Status that ends a session. Throws what it says where no process ended by itself. */
function exitCodeOf(text: string): number {
  if (text === '') return cutOff;
  const { status, message, reason, details } = JSON.parse(text) as {
    status: string;
    message?: string;
    reason?: string;
    details?: { causes?: { reason?: string; message?: string }[] };
  };
  if (status === 'Success') return 0;
  const code = details?.causes?.find((cause) => cause.reason === 'ExitCode')?.message;
  if (reason === 'NonZeroExitCode' && code !== undefined) return Number(code);
  throw new PluginError('UNKNOWN', message ?? 'the session failed');
}
