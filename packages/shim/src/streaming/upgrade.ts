import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';

/** A request to leave HTTP, as Node's server hands it over. */
export interface Upgrade {
  request: IncomingMessage;
  socket: Duplex;
  /** What the client has sent after its request. */
  head: Buffer;
}

/** Longest that a client may take to close after it has been refused. */
const closeDeadlineMs = 5000;

/** Answers in HTTP that there will be no upgrade, and why. */
export function refuse(socket: Duplex, status: number, why: string): void {
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'Content-Type: text/plain; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(why) + 1}`,
    'Connection: close',
  ];
  socket.resume().end(`${head.join('\r\n')}\r\n\r\n${why}\n`);
  const overdue = setTimeout(() => socket.destroy(), closeDeadlineMs);
  socket.once('close', () => clearTimeout(overdue));
}

/** Answers that from here on both sides speak what was asked for. */
export function accept(socket: Duplex, headers: Record<string, string>): void {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  socket.write(['HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', ...lines, '', ''].join('\r\n'));
}
