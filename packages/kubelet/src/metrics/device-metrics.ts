import { Counter, Histogram, type Registry } from 'prom-client';

/** Registrations of device plugins, and what was asked of them. */
export class DeviceMetrics {
  readonly #registrations: Counter;
  readonly #allocations: Histogram;

  constructor(registry: Registry) {
    this.#registrations = new Counter({
      name: 'kubelet_device_plugin_registration_total',
      help: 'Registrations of device plugins, by resource.',
      labelNames: ['resource_name'],
      registers: [registry],
    });
    this.#allocations = new Histogram({
      name: 'kubelet_device_plugin_alloc_duration_seconds',
      help: 'How long Allocate of device plugins took, by resource.',
      labelNames: ['resource_name'],
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      registers: [registry],
    });
  }

  registered(resource: string): void {
    this.#registrations.inc({ resource_name: resource });
  }

  allocated(resource: string, seconds: number): void {
    this.#allocations.observe({ resource_name: resource }, seconds);
  }
}
