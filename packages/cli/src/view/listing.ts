import Table from 'cli-table3';
import { stringify } from 'yaml';

export type OutputFormat = 'table' | 'wide' | 'json' | 'yaml';
export const outputFormats: OutputFormat[] = ['table', 'wide', 'json', 'yaml'];

export interface Column<Row> {
  header: string;
  value(row: Row): string;
  /** Shown by `-o wide` only. */
  wide?: boolean;
}

const noBorders = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '',
};

/** Rows in the format asked for: aligned columns as kubectl prints them, or the rows themselves as JSON or YAML. */
export function formatListing<Row>(rows: Row[], columns: Column<Row>[], format: OutputFormat): string {
  if (format === 'json') return JSON.stringify(rows, undefined, 2);
  if (format === 'yaml') return stringify(rows).trimEnd();
  const shown = columns.filter((column) => format === 'wide' || !column.wide);
  return formatTable(
    shown.map((column) => column.header),
    rows.map((row) => shown.map((column) => column.value(row))),
  );
}

/** Aligned columns without borders, no trailing blanks. */
export function formatTable(head: string[], rows: string[][]): string {
  const table = new Table({ head, chars: noBorders, style: { head: [], border: [], 'padding-left': 0, 'padding-right': 3 } });
  table.push(...rows);
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}

/** How long ago, as kubectl writes it: `45s`, `12m`, `3h`, `2d`. */
export function formatAge(since: Date | string | undefined, now: Date = new Date()): string {
  if (since === undefined) return '<unknown>';
  const seconds = Math.max(0, Math.floor((now.getTime() - new Date(since).getTime()) / 1000));
  if (seconds < 120) return `${seconds}s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)}h`;
  return `${Math.floor(seconds / 86_400)}d`;
}
