import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** What a fake container has been through, kept on disk: with it, time goes on for the container while no shim runs. */
export interface ContainerRecord {
  /** Milliseconds since the epoch; undefined before StartContainer has taken effect. */
  startedAt?: number;
  /** When it ends by itself, if it does. */
  endsAt?: number;
  exit?: { exitCode: number; finishedAt: number };
}

const fileName = 'fake.json';

export function writeRecord(directory: string, record: ContainerRecord): void {
  const temporary = join(directory, `.${fileName}`);
  writeFileSync(temporary, JSON.stringify(record));
  renameSync(temporary, join(directory, fileName));
}

/** Undefined if the container was never created. */
export function readRecord(directory: string): ContainerRecord | undefined {
  const file = join(directory, fileName);
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as ContainerRecord) : undefined;
}
