import { type ContainerEventResponse, ListContainersRequest, ListPodSandboxRequest } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import type { Logger } from 'pino';
import { podUidLabel } from '../cri/labels.ts';
import type { RuntimeClient } from '../runtime/runtime-client.ts';
import { type ListedPod, RuntimeContents, type RuntimeCounts } from './runtime-contents.ts';

/** What to list, and whom to tell. */
interface RelistOptions {
  client: RuntimeClient;
  /** How often it is listed at most. */
  intervalMs: number;
  log: Logger;
  /** Called for each pod of which something has changed since the list before. */
  onChange(uid: string): void;
}

/** A list that takes longer than this many intervals is given up. */
const patienceIntervals = 10;

/** Finds out what happened in a runtime by listing everything, and comparing that with the list before (kubelet's PLEG). */
export class Relist {
  readonly #options: RelistOptions;
  readonly #contents = new RuntimeContents();
  /** What came while a list was under way, which may be older. */
  #meanwhile: ContainerEventResponse[] | undefined;
  /** By pod: each sandbox and container with its state. */
  #states = new Map<string, string>();
  #complaint: string | undefined;
  #succeeded = false;

  constructor(options: RelistOptions) {
    this.#options = options;
  }

  get handler(): string {
    return this.#options.client.handler;
  }

  /** The pods of the last list; undefined until one has succeeded. */
  get pods(): ListedPod[] | undefined {
    return this.#succeeded ? this.#contents.pods : undefined;
  }

  get counts(): RuntimeCounts {
    return this.#contents.counts;
  }

  /** What an event says of the pods that there are. */
  take(event: ContainerEventResponse): void {
    this.#meanwhile?.push(event);
    this.#contents.take(event);
  }

  /** Lists once; whether that succeeded. */
  async list(signal: AbortSignal): Promise<boolean> {
    const { client, intervalMs } = this.#options;
    if (client.onDemand?.started === false) {
      // It has no pods, and the question would fail.
      this.#contents.replace([], []);
      this.#succeeded = true;
      return true;
    }
    this.#meanwhile = [];
    const options = { signal, deadlineMs: intervalMs * patienceIntervals };
    try {
      const [{ items }, { containers }] = await Promise.all([
        client.runtime.listPodSandbox(ListPodSandboxRequest.create(), options),
        client.runtime.listContainers(ListContainersRequest.create(), options),
      ]);
      this.#contents.replace(items, containers);
      for (const event of this.#meanwhile ?? []) this.#contents.take(event);
      this.#succeeded = true;
      this.#tellChanges(statesByPod([...items, ...containers]));
      this.#recovered();
      return true;
    } catch (thrown) {
      if (!signal.aborted) this.#failed(PluginError.from(thrown).message);
      return false;
    } finally {
      this.#meanwhile = undefined;
    }
  }

  #tellChanges(states: Map<string, string>): void {
    const before = this.#states;
    this.#states = states;
    for (const uid of new Set([...before.keys(), ...states.keys()])) {
      if (before.get(uid) !== states.get(uid)) this.#options.onChange(uid);
    }
  }

  /** One line as it fails, one as it works again. */
  #failed(message: string): void {
    if (this.#complaint === undefined)
      this.#options.log.warn({ handler: this.handler }, `runtime ${this.handler} can't be listed: ${message}`);
    this.#complaint = message;
  }

  #recovered(): void {
    if (this.#complaint !== undefined) this.#options.log.info({ handler: this.handler }, `runtime ${this.handler} can be listed again`);
    this.#complaint = undefined;
  }
}

function statesByPod(objects: { id: string; state: number; labels: Record<string, string> }[]): Map<string, string> {
  const states = new Map<string, string>();
  for (const { id, state, labels } of objects.toSorted((a, b) => (a.id < b.id ? -1 : 1))) {
    const uid = labels[podUidLabel];
    if (uid) states.set(uid, `${states.get(uid) ?? ''}${id}:${state} `);
  }
  return states;
}
