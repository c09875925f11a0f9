import { text } from 'node:stream/consumers';

let read: Promise<string> | undefined;

/** All of standard input. A process can read it once, so whoever asks later gets the same text. */
export function standardInput(): Promise<string> {
  read ??= text(process.stdin);
  return read;
}
