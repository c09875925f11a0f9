import type { Pod } from '@berth/api/objects';
import { PluginError } from '@berth/sdk/errors';
import type { Refusal } from '../plan/observed-pod.ts';
import { specOf } from '../pod.ts';
import type { RuntimeClient } from './runtime-client.ts';

export interface NodeRuntimesOptions {
  /** By handler. */
  runtimes: ReadonlyMap<string, RuntimeClient>;
  /** The handler of pods without a runtimeClassName. */
  defaultHandler: string;
  /** The handler of each RuntimeClass, by its name. */
  runtimeClasses: Record<string, string>;
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

  /** Of a pod whose RuntimeClass nobody knows a refusal, and the default runtime all the same, to look for what the pod may have left. */
  of(pod: Pod): { client: RuntimeClient; refusal?: Refusal } {
    const { runtimes, runtimeClasses } = this.#options;
    const className = specOf(pod).runtimeClassName;
    if (!className) return { client: this.#default };
    const handler = runtimeClasses[className];
    const client = handler === undefined ? undefined : runtimes.get(handler);
    if (client) return { client };
    const what =
      handler === undefined
        ? `RuntimeClass ${JSON.stringify(className)} not found`
        : `no runtime has the handler ${JSON.stringify(handler)}`;
    const classes = Object.keys(runtimeClasses).join(', ') || 'none';
    const message = `Pod was rejected: spec.runtimeClassName: ${what}; this node has the RuntimeClasses: ${classes}`;
    return { client: this.#default, refusal: { reason: 'RuntimeClassNotFound', message } };
  }
}
