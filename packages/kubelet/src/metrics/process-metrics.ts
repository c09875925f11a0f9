import { readdirSync, readFileSync } from 'node:fs';
import { Counter, Gauge, type Registry } from 'prom-client';

/** What this process uses, under the names that Prometheus' own clients have. Read as it is asked for. */
export function addProcessMetrics(registry: Registry): void {
  const registers = [registry];
  new Counter({
    name: 'process_cpu_seconds_total',
    help: 'CPU time used, in seconds.',
    registers,
    collect() {
      const { user, system } = process.cpuUsage();
      this.reset();
      this.inc((user + system) / 1e6);
    },
  });
  gauge('process_resident_memory_bytes', 'Memory in use.', () => process.memoryUsage.rss());
  gauge('process_virtual_memory_bytes', 'Address space in use.', () => field('/proc/self/status', /^VmSize:\s+(\d+) kB$/m) * 1024);
  gauge('process_open_fds', 'Open files.', () => readdirSync('/proc/self/fd').length);
  gauge('process_max_fds', 'The most files that may be open.', () => field('/proc/self/limits', /^Max open files\s+(\d+)/m));
  const startedAt = Math.round(performance.timeOrigin / 10) / 100;
  new Gauge({ name: 'process_start_time_seconds', help: 'When the process began, as Unix time.', registers }).set(startedAt);

  /** Where there is no /proc, it isn't told. */
  function gauge(name: string, help: string, read: () => number): void {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        try {
          this.set(read());
        } catch {
          this.reset();
        }
      },
    });
  }
}

function field(path: string, pattern: RegExp): number {
  return Number(pattern.exec(readFileSync(path, 'utf8'))?.[1] ?? Number.NaN);
}
