import type { Tap } from '@berth/sdk/tap';
import { Counter, Histogram, type Registry } from 'prom-client';

/** Calls that last as long as they are wanted. */
const endless = /^(GetContainerEvents|Stream.*)$/;

/** Calls to the runtimes, by `operation_type`. */
export class RuntimeOperations {
  readonly #total: Counter;
  readonly #errors: Counter;
  readonly #duration: Histogram;
  readonly #pull: Histogram;
  readonly #runPodSandbox: Histogram;
  readonly #runPodSandboxErrors: Counter;

  constructor(registry: Registry) {
    const [labelNames, registers] = [['operation_type'], [registry]];
    this.#total = new Counter({ name: 'kubelet_runtime_operations_total', help: 'Calls to the runtimes.', labelNames, registers });
    this.#errors = new Counter({
      name: 'kubelet_runtime_operations_errors_total',
      help: 'Calls to the runtimes that failed.',
      labelNames,
      registers,
    });
    this.#duration = new Histogram({
      name: 'kubelet_runtime_operations_duration_seconds',
      help: 'How long calls to the runtimes took.',
      buckets: Array.from({ length: 14 }, (_, index) => 0.005 * 2.5 ** index),
      labelNames,
      registers,
    });
    this.#pull = new Histogram({
      name: 'kubelet_image_pull_duration_seconds',
      help: 'How long pulls of images took.',
      buckets: [1, 5, 10, 20, 30, 60, 180, 300, 600, 900, 1200, 1800, 2700, 3600],
      labelNames: ['image_size_in_bytes'],
      registers,
    });
    this.#runPodSandbox = new Histogram({
      name: 'kubelet_run_podsandbox_duration_seconds',
      help: 'How long sandboxes took to be made, by handler.',
      labelNames: ['runtime_handler'],
      registers,
    });
    this.#runPodSandboxErrors = new Counter({
      name: 'kubelet_run_podsandbox_errors_total',
      help: 'Sandboxes that could not be made, by handler.',
      labelNames: ['runtime_handler'],
      registers,
    });
  }

  /** A tap that counts what is asked of the runtime of a handler, and lets `inner` see every call too. */
  around(inner: Tap, handler: string): Tap {
    return {
      call: (start) => {
        const answer = inner.call(start);
        const method = start.path.slice(start.path.lastIndexOf('/') + 1);
        if (!('end' in answer) || endless.test(method)) return answer;
        const operation = operationOf(method);
        this.#total.inc({ operation_type: operation });
        return {
          end: (result) => {
            this.#ended(operation, handler, result.durationMs / 1000, result.outcome === 'OK');
            answer.end(result);
          },
        };
      },
    };
  }

  #ended(operation: string, handler: string, seconds: number, succeeded: boolean): void {
    this.#duration.observe({ operation_type: operation }, seconds);
    if (!succeeded) this.#errors.inc({ operation_type: operation });
    if (operation === 'run_podsandbox') this.#ranPodSandbox(handler, seconds, succeeded);
    // The answer to a pull doesn't say how large the image is.
    if (succeeded && operation === 'pull_image') this.#pull.observe({ image_size_in_bytes: 'N/A' }, seconds);
  }

  /** `handler` is that of the RuntimeClass. */
  #ranPodSandbox(handler: string, seconds: number, succeeded: boolean): void {
    this.#runPodSandbox.observe({ runtime_handler: handler }, seconds);
    if (!succeeded) this.#runPodSandboxErrors.inc({ runtime_handler: handler });
  }
}

/** `RunPodSandbox` -> `run_podsandbox`, `ExecSync` -> `exec_sync`: as kubelet calls them (kuberuntime/instrumented_services.go). */
function operationOf(method: string): string {
  const words = method.replaceAll(/(?<=[a-z])(?=[A-Z])/g, '_').toLowerCase();
  return words.replace('pod_sandbox', 'podsandbox').replace('update_container_resources', 'update_container');
}
