import { Counter, Gauge, Registry } from 'prom-client';

/** What is looked at: its name, and why it isn't well, or undefined. */
export type HealthCheck = [name: string, trouble: () => string | undefined];

/** Whether each health check is well, at each scrape (component-base/metrics/prometheus/slis). */
export class HealthSlis {
  readonly #registry = new Registry();
  readonly #now = new Gauge({
    name: 'kubernetes_healthcheck',
    help: 'Whether a health check is well.',
    labelNames: ['name', 'type'],
    registers: [this.#registry],
  });
  readonly #total = new Counter({
    name: 'kubernetes_healthchecks_total',
    help: 'Looks at a health check, by result.',
    labelNames: ['name', 'type', 'status'],
    registers: [this.#registry],
  });

  /** Looks, and tells in Prometheus' text format. */
  async text(checks: HealthCheck[]): Promise<string> {
    for (const [name, trouble] of checks) {
      const well = trouble() === undefined;
      this.#now.set({ name, type: 'healthz' }, well ? 1 : 0);
      this.#total.inc({ name, type: 'healthz', status: well ? 'success' : 'error' });
    }
    return this.#registry.metrics();
  }
}
