/** One measured value. */
interface Sample {
  labels: Record<string, string>;
  value: number;
  /** When it was measured, in milliseconds since the epoch; left out: now. */
  at?: number;
}

/**
 * Metrics that are made anew for each scrape, in Prometheus' text format (version 0.0.4). prom-client has no place for the times of samples,
 * which figures that are read now and then need.
 */
export class Exposition {
  readonly #families = new Map<string, { type: 'counter' | 'gauge'; help: string; samples: Sample[] }>();

  /** A value that isn't known is no sample. */
  add(type: 'counter' | 'gauge', name: string, help: string, labels: Record<string, string>, value: number | undefined, at?: number): void {
    if (value === undefined) return;
    const family = this.#families.get(name) ?? { type, help, samples: [] };
    this.#families.set(name, family);
    family.samples.push({ labels, value, ...(at !== undefined && { at }) });
  }

  toString(): string {
    const text = [...this.#families]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, { type, help, samples }]) => {
        const lines = samples.map(({ labels, value, at }) => `${name}${written(labels)} ${value}${at === undefined ? '' : ` ${at}`}\n`);
        return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`;
      });
    return text.join('');
  }
}

function written(labels: Record<string, string>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length > 0 ? `{${pairs.join(',')}}` : '';
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"');
}
