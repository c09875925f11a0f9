import { Histogram, type Registry } from 'prom-client';

type Operation = 'volume_mount' | 'volume_unmount';

/** Mounting and unmounting of volumes, as kubelet counts them (pkg/volume/util/metrics.go). */
export class StorageOperations {
  readonly #duration: Histogram;

  constructor(registry: Registry) {
    this.#duration = new Histogram({
      name: 'storage_operation_duration_seconds',
      help: 'Mounting and unmounting of volumes.',
      buckets: [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 25, 50, 120, 300, 600],
      labelNames: ['volume_plugin', 'operation_name', 'status', 'migrated'],
      registers: [registry],
    });
  }

  /** Takes a step on volumes of these plugins (`kubernetes.io/secret`), and counts one operation for each. */
  async measure(operation: Operation, plugins: readonly string[], step: () => Promise<void>): Promise<void> {
    const ended = this.#duration.startTimer();
    const tell = (status: string) => {
      for (const plugin of plugins) ended({ volume_plugin: plugin, operation_name: operation, status, migrated: 'false' });
    };
    try {
      await step();
      tell('success');
    } catch (thrown) {
      tell('fail-unknown');
      throw thrown;
    }
  }
}
