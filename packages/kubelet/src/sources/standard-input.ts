import { manifestText } from './manifest-text.ts';

let read: Promise<string> | undefined;

/** All of standard input. A process can read it once, so whoever asks later gets the same text. */
export function standardInput(): Promise<string> {
  read ??= manifestText(process.stdin, { object: 'standard input', hint: 'give files, or a directory of them' });
  return read;
}
