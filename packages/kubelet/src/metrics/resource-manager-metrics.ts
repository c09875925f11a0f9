import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { CpuShares } from '../cpu-manager/cpu-shares.ts';

/** What the CPU, memory and topology managers were asked for, and what of it they gave. */
export class ResourceManagerMetrics {
  readonly #registry: Registry;
  readonly #cpuRequests: Counter;
  readonly #cpuErrors: Counter;
  readonly #memoryRequests: Counter;
  readonly #memoryErrors: Counter;
  readonly #admissionRequests: Counter;
  readonly #admissionErrors: Counter;
  readonly #admissionDuration: Histogram;

  constructor(registry: Registry) {
    this.#registry = registry;
    const counter = (name: string, help: string): Counter => new Counter({ name, help, registers: [registry] });
    this.#cpuRequests = counter('kubelet_cpu_manager_pinning_requests_total', 'Containers that were to get CPUs of their own.');
    this.#cpuErrors = counter('kubelet_cpu_manager_pinning_errors_total', 'Those of them that could not.');
    this.#memoryRequests = counter('kubelet_memory_manager_pinning_requests_total', 'Containers that were to get memory of their own.');
    this.#memoryErrors = counter('kubelet_memory_manager_pinning_errors_total', 'Those of them that could not.');
    this.#admissionRequests = counter('kubelet_topology_manager_admission_requests_total', 'Pods that the topology manager was asked for.');
    this.#admissionErrors = counter('kubelet_topology_manager_admission_errors_total', 'Those of them that it refused.');
    this.#admissionDuration = new Histogram({
      name: 'kubelet_topology_manager_admission_duration_ms',
      help: 'How long the topology manager took, in milliseconds.',
      buckets: Array.from({ length: 15 }, (_, index) => 0.05 * 2 ** index),
      registers: [registry],
    });
  }

  cpusAsked(failed: boolean): void {
    this.#cpuRequests.inc();
    if (failed) this.#cpuErrors.inc();
  }

  memoryAsked(failed: boolean): void {
    this.#memoryRequests.inc();
    if (failed) this.#memoryErrors.inc();
  }

  podAsked(milliseconds: number, refused: boolean): void {
    this.#admissionRequests.inc();
    this.#admissionDuration.observe(milliseconds);
    if (refused) this.#admissionErrors.inc();
  }

  /** Shows who has the CPUs, as they are when somebody asks. */
  showCpus(shares: () => CpuShares): void {
    const gauge = (name: string, help: string, show: (set: Gauge['set']) => void, labelNames: string[] = []): void => {
      new Gauge({
        name,
        help,
        labelNames,
        registers: [this.#registry],
        collect() {
          show(this.set.bind(this));
        },
      });
    };
    gauge('kubelet_cpu_manager_shared_pool_size_millicores', 'CPUs that containers share, in thousandths.', (set) =>
      set(shares().shared * 1000),
    );
    gauge('kubelet_cpu_manager_exclusive_cpu_allocation_count', 'CPUs that containers have for themselves.', (set) =>
      set([...shares().exclusive.values()].reduce((sum, count) => sum + count, 0)),
    );
    gauge(
      'kubelet_cpu_manager_allocation_per_numa',
      'CPUs that containers have for themselves, by NUMA node.',
      (set) => {
        for (const [node, count] of shares().exclusive) set({ numa_node: `${node}` }, count);
      },
      ['numa_node'],
    );
  }
}
