import { formatFieldError } from '@berth/api/field-error';
import type { Pod, RuntimeClass } from '@berth/api/objects';
import { admitRuntimeClass } from '@berth/api/runtime-class';
import { PluginError } from '@berth/sdk/errors';
import type { Refusal } from '../plan/observed-pod.ts';
import { specOf } from '../pod.ts';
import type { RuntimeClient } from './runtime-client.ts';

export interface NodeRuntimesOptions {
  /** By handler. */
  runtimes: ReadonlyMap<string, RuntimeClient>;
  /** The handler of pods without a runtimeClassName. */
  defaultHandler: string;
  /** What pods name by runtimeClassName. */
  runtimeClasses: readonly RuntimeClass[];
}

/** The runtimes of the node, and which of them a pod is for. */
export class NodeRuntimes {
  readonly #options: NodeRuntimesOptions;
  readonly #default: RuntimeClient;

  /** INVALID_ARGUMENT where no runtime has the default handler. */
  constructor(options: NodeRuntimesOptions) {
    const { runtimes, defaultHandler } = options;
    const client = runtimes.get(defaultHandler);
    if (!client) {
      throw new PluginError('INVALID_ARGUMENT', 'no runtime has it', {
        object: `default handler ${defaultHandler}`,
        hint: `use one of ${[...runtimes.keys()].join(', ') || '(there is none)'}`,
      });
    }
    this.#options = options;
    this.#default = client;
  }

  /** That of pods without a RuntimeClass. */
  get default(): RuntimeClient {
    return this.#default;
  }

  all(): RuntimeClient[] {
    return [...this.#options.runtimes.values()];
  }

  /** UNAVAILABLE if the node has none of that handler. */
  get(handler: string): RuntimeClient {
    const client = this.#options.runtimes.get(handler);
    if (client) return client;
    throw new PluginError('UNAVAILABLE', 'this node has no such runtime', { object: `runtime ${handler}` });
  }

  /** The runtime of a pod; the default one for a pod whose RuntimeClass nobody knows, to look for what it may have left. */
  of(pod: Pod): { client: RuntimeClient; refusal?: Refusal } {
    const { runtimes } = this.#options;
    const className = specOf(pod).runtimeClassName;
    if (!className) return { client: this.#default };
    const runtimeClass = this.#classOf(className);
    const client = runtimeClass && runtimes.get(runtimeClass.handler);
    if (client) return { client };
    const what = runtimeClass
      ? `no runtime has the handler ${JSON.stringify(runtimeClass.handler)}`
      : `RuntimeClass ${JSON.stringify(className)} not found`;
    const classes = this.#options.runtimeClasses.map(({ metadata }) => metadata?.name).join(', ') || 'none';
    const message = `Pod was rejected: spec.runtimeClassName: ${what}; this node has the RuntimeClasses: ${classes}`;
    return { client: this.#default, refusal: { reason: 'RuntimeClassNotFound', message } };
  }

  /** The same, and the pod with what its class adds: overhead, node selector, tolerations. One that contradicts its class is refused. */
  admit(pod: Pod): { pod: Pod; client: RuntimeClient; refusal?: Refusal } {
    const { client, refusal } = this.of(pod);
    const runtimeClass = this.#classOf(specOf(pod).runtimeClassName);
    if (refusal || !runtimeClass) return { pod, client, ...(refusal && { refusal }) };
    const admitted = admitRuntimeClass(pod, runtimeClass);
    if (admitted.errors.length === 0) return { pod: admitted.pod, client };
    const message = `Pod was rejected: ${admitted.errors.map(formatFieldError).join('; ')}`;
    return { pod, client, refusal: { reason: 'RuntimeClassConflict', message } };
  }

  #classOf(name: string | undefined): RuntimeClass | undefined {
    return this.#options.runtimeClasses.find(({ metadata }) => metadata?.name === name);
  }
}
