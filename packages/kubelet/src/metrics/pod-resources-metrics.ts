import { Counter, type Registry } from 'prom-client';

export type PodResourcesMethod = 'list' | 'get_allocatable' | 'get';

/** Calls of the pod resources API. */
export class PodResourcesMetrics {
  readonly #calls: Counter;
  readonly #byMethod: Record<PodResourcesMethod, { calls: Counter; errors: Counter }>;

  constructor(registry: Registry) {
    const counter = (name: string, help: string): Counter =>
      new Counter({ name: `kubelet_pod_resources_endpoint_${name}`, help, labelNames: ['server_api_version'], registers: [registry] });
    this.#calls = counter('requests_total', 'Calls of the pod resources API.');
    const pair = (method: PodResourcesMethod, name: string) => ({
      calls: counter(`requests_${method}`, `Calls of ${name} of the pod resources API.`),
      errors: counter(`errors_${method}`, 'Those of them that failed.'),
    });
    this.#byMethod = {
      list: pair('list', 'List'),
      get_allocatable: pair('get_allocatable', 'GetAllocatableResources'),
      get: pair('get', 'Get'),
    };
  }

  asked(version: string, method: PodResourcesMethod): void {
    this.#calls.inc({ server_api_version: version });
    this.#byMethod[method].calls.inc({ server_api_version: version });
  }

  failed(version: string, method: PodResourcesMethod): void {
    this.#byMethod[method].errors.inc({ server_api_version: version });
  }
}
