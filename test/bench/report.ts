import { cpus, release, totalmem } from 'node:os';
import { formatTable } from '../../packages/cli/src/view/listing.ts';
import { type CheckedBar, describeBar } from './bars.ts';
import type { BenchOptions } from './bench-options.ts';

/** What every bench gives; `--json` prints it. */
export interface BenchResult {
  name: string;
  host: string;
  ours: Record<string, number>;
  peer?: Record<string, number>;
  ratios?: Record<string, number>;
  bars: CheckedBar[];
}

export function describeHost(): string {
  const { model } = cpus()[0] ?? { model: 'unknown' };
  return `${cpus().length} x ${model.trim()}, ${(totalmem() / 2 ** 30).toFixed(0)} GiB, Linux ${release()}, Node ${process.versions.node}`;
}

/** Ours divided by the peer's, figure by figure: below 1 we take less. */
export function ratiosOf(ours: Record<string, number>, peer: Record<string, number>): Record<string, number> {
  return Object.fromEntries(Object.entries(ours).flatMap(([name, value]) => (peer[name] ? [[name, value / peer[name]]] : [])));
}

/** Prints the table or the JSON object; with `--check` a bar that doesn't hold is also named on standard error, and makes the exit status 1. */
export function report(result: BenchResult, options: BenchOptions): void {
  if (options.json) process.stdout.write(`${JSON.stringify(result)}\n`);
  else process.stdout.write(`${result.name} on ${result.host}\n\n${table(result)}\n\n${barsOf(result, options)}`);
  const missed = result.bars.filter(({ holds }) => !holds);
  if (!options.check || missed.length === 0) return;
  process.stderr.write(missed.map((bar) => `--check: ${describeBar(bar)}\n`).join(''));
  process.exitCode = 1;
}

function table({ ours, peer, ratios }: BenchResult): string {
  const head = ['', 'ours', ...(peer ? ['peer', 'ours/peer'] : [])];
  return formatTable(
    head,
    Object.entries(ours).map(([name, value]) => [name, number(value), ...(peer ? [number(peer[name]), number(ratios?.[name])] : [])]),
  );
}

/** A line for each; what this run didn't measure matters to `--check` only. */
function barsOf({ bars }: BenchResult, { check }: BenchOptions): string {
  const told = bars.filter(({ value }) => check || value !== undefined);
  return told.map((bar) => `${describeBar(bar)}\n`).join('');
}

function number(value: number | undefined): string {
  return value === undefined ? '-' : value.toFixed(2);
}

/** The value below which `fraction` of the samples lie. */
export function percentile(samples: number[], fraction: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(fraction * sorted.length) - 1)] ?? Number.NaN;
}
