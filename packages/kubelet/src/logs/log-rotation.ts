import { createReadStream, createWriteStream } from 'node:fs';
import { readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';

/** As in KubeletConfiguration; sizes in bytes, durations in milliseconds. */
export interface LogRotationOptions {
  /** A log larger than this is rotated. Negative: none is. */
  containerLogMaxSize: number;
  /** Of one container instance, with the one that is being written; at least 2. */
  containerLogMaxFiles: number;
  /** Logs that are rotated at a time. */
  containerLogMaxWorkers: number;
  containerLogMonitorIntervalMs: number;
}

/** kubelet's. */
export const defaultLogRotation: LogRotationOptions = {
  containerLogMaxSize: 10 * 1024 * 1024,
  containerLogMaxFiles: 5,
  containerLogMaxWorkers: 1,
  containerLogMonitorIntervalMs: 10_000,
};

const compressedSuffix = '.gz';
const temporarySuffix = '.tmp';

/**
 * Rotates one log (kubelet/logs/container_log_manager.go): what an interrupted rotation left is removed, the oldest go, older ones are compressed, and
 * the present one is renamed after the time. `reopen` has the runtime begin a new one; where it fails, the log gets its name back.
 */
export async function rotateLog(path: string, maxFiles: number, now: Date, reopen: () => Promise<void>): Promise<void> {
  const rotated = await removeLeftovers(path, await rotatedLogs(path));
  const kept = await removeOldest(rotated, maxFiles);
  // The newest may be read still, by those who follow: it is compressed at the next rotation.
  for (const file of kept.filter((name) => !name.endsWith(compressedSuffix))) await compress(file);
  const renamed = `${path}.${timestamp(now)}`;
  await rename(path, renamed);
  try {
    await reopen();
  } catch (error) {
    await rename(renamed, path);
    throw error;
  }
}

/** The rotated logs of a log, oldest first, with whatever else is named after it. */
async function rotatedLogs(path: string): Promise<string[]> {
  const names = await readdir(dirname(path)).catch((): string[] => []);
  return names
    .filter((name) => name.startsWith(`${basename(path)}.`))
    .toSorted()
    .map((name) => join(dirname(path), name));
}

/** Temporary files are those of a rotation that was cut off, and so is a log that is there compressed too. */
async function removeLeftovers(path: string, found: string[]): Promise<string[]> {
  const own = new RegExp(`^${basename(path).replaceAll('.', '\\.')}\\.\\d{8}-\\d{6}(\\.gz)?$`);
  const kept: string[] = [];
  for (const file of found) {
    if (file.endsWith(temporarySuffix) || found.includes(`${file}${compressedSuffix}`)) await rm(file, { force: true });
    else if (own.test(basename(file))) kept.push(file);
  }
  return kept;
}

/** One place is that of the present log, and one is about to be taken by it. */
async function removeOldest(rotated: string[], maxFiles: number): Promise<string[]> {
  const most = Math.max(0, maxFiles - 2);
  const excess = Math.max(0, rotated.length - most);
  for (const file of rotated.slice(0, excess)) await rm(file, { force: true });
  return rotated.slice(excess);
}

async function compress(file: string): Promise<void> {
  const temporary = `${file}${temporarySuffix}`;
  const { mode } = await stat(file);
  await pipeline(createReadStream(file), createGzip(), createWriteStream(temporary, { mode: mode & 0o777 }));
  await rename(temporary, `${file}${compressedSuffix}`);
  await rm(file);
}

/** `20260102-150405`, in UTC: names sort as the logs are old. */
function timestamp(now: Date): string {
  return now.toISOString().replaceAll(/[-:]/g, '').replace('T', '-').slice(0, 15);
}
