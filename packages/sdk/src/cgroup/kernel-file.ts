import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PsiData, PsiStats } from '../gen/cri.ts';

/** A file as it is; undefined for one that isn't there. Read synchronously: the kernel answers from memory, in less time than it takes to hand the call to another thread. */
export function readText(directory: string, name: string): string | undefined {
  try {
    return readFileSync(join(directory, name), 'utf8');
  } catch {
    // Not there, or not any more; ENOTSUP where a kernel was built without pressure accounting.
    return undefined;
  }
}

/** A file of one number; undefined for `max`, and for a file that isn't there. */
export function readNumber(directory: string, name: string): bigint | undefined {
  const text = readText(directory, name)?.trim() ?? '';
  return /^\d+$/.test(text) ? BigInt(text) : undefined;
}

/** A file of lines `key number`; undefined for one that isn't there. */
export function readKeyed(directory: string, name: string): Map<string, bigint> | undefined {
  const text = readText(directory, name);
  if (text === undefined) return undefined;
  return new Map([...text.matchAll(/^(\S+) (\d+)$/gm)].map(([, key = '', value = '0']) => [key, BigInt(value)]));
}

/** How many lines a file has. */
export function countLines(directory: string, name: string): bigint | undefined {
  const text = readText(directory, name);
  return text === undefined ? undefined : BigInt(text.split('\n').length - 1);
}

/** A file of pressure stall information (the kernel's accounting/psi.rst, whose totals are microseconds). */
export function readPressure(directory: string, name: string): PsiStats | undefined {
  const text = readText(directory, name);
  const lines = [...(text ?? '').matchAll(/^(some|full) avg10=([\d.]+) avg60=([\d.]+) avg300=([\d.]+) total=(\d+)$/gm)];
  if (lines.length === 0) return undefined;
  const data = lines.map(([, kind, avg10, avg60, avg300, total = '0']): [string | undefined, PsiData] => [
    kind,
    { Avg10: Number(avg10), Avg60: Number(avg60), Avg300: Number(avg300), Total: BigInt(total) * 1000n },
  ]);
  const of = (wanted: string): PsiData | undefined => data.find(([kind]) => kind === wanted)?.[1];
  return { Full: of('full'), Some: of('some') };
}
