import type { CallRecord } from '@berth/sdk/call-record';

export interface WaterfallOptions {
  /** Columns of the terminal. */
  width: number;
  /** Marks failed calls; left out: plain text. */
  paintFailure?: (text: string) => string;
}

const labelWidth = 44;
const timeWidth = 11;

/**
 * Every plugin call of a pod, one line each, indented below the call that made it, with its bar on a common time
 * axis: `  cni bridge ADD            12.3 ms      ██`. Bars of calls under one column wide show as `▏`.
 */
export function waterfall(records: CallRecord[], options: WaterfallOptions): string[] {
  if (records.length === 0) return [];
  const start = Math.min(...records.map((record) => record.startedAt));
  const end = Math.max(...records.map((record) => record.startedAt + record.durationMs));
  const barWidth = Math.max(20, options.width - labelWidth - timeWidth - 2);
  const scale = barWidth / Math.max(1, end - start);
  const paint = options.paintFailure ?? ((text: string) => text);
  return inTreeOrder(records).map(({ record, depth }) => {
    const label = `${'  '.repeat(depth)}${describe(record)}`;
    const offset = Math.min(barWidth - 1, Math.floor((record.startedAt - start) * scale));
    const length = Math.floor(record.durationMs * scale);
    const bar = ' '.repeat(offset) + (length === 0 ? '▏' : '█'.repeat(Math.min(length, barWidth - offset)));
    const line = `${clip(label, labelWidth)}${`${record.durationMs.toFixed(1)} ms`.padStart(timeWidth)}  ${bar}`;
    return record.outcome === 'OK' ? line : paint(`${line} ${record.outcome}${record.message ? `: ${record.message}` : ''}`);
  });
}

function describe(record: CallRecord): string {
  return [record.protocol, record.plugin, record.method, record.subject].filter(Boolean).join(' ');
}

function clip(text: string, width: number): string {
  return text.length > width ? `${text.slice(0, width - 1)}…` : text.padEnd(width);
}

interface Placed {
  record: CallRecord;
  depth: number;
}

/** Roots by start time, each followed by its descendants. A record whose parent isn't among them is a root. */
function inTreeOrder(records: CallRecord[]): Placed[] {
  const spans = new Set(records.map((record) => record.spanId));
  const children = Map.groupBy(records, (record) => (record.parentSpanId && spans.has(record.parentSpanId) ? record.parentSpanId : ''));
  const placed: Placed[] = [];
  const place = (parent: string, depth: number): void => {
    const siblings = children.get(parent) ?? [];
    for (const record of siblings.toSorted((a, b) => a.startedAt - b.startedAt)) {
      placed.push({ record, depth });
      place(record.spanId, depth + 1);
    }
  };
  place('', 0);
  return placed;
}
