import { setTimeout as sleep } from 'node:timers/promises';
import { unlessAborted } from '../abort.ts';
import { PluginError } from '../errors.ts';
import { Device, ListAndWatchResponse } from '../gen/device-plugin.ts';
import { Latest } from '../latest.ts';
import { quoted } from '../quoted.ts';
import { deviceHealthy, deviceUnhealthy } from './constants.ts';
import type { DeviceDescription, DevicePluginDefinition } from './definition.ts';
import { longestId, problemOfId } from './device-id.ts';

const firstPauseMs = 1000;
const longestPauseMs = 30_000;

/** What the author's `list` says, kept for all who watch. */
export class DeviceLists {
  readonly #definition: DevicePluginDefinition;
  readonly #log: (message: string) => void;
  readonly #latest = new Latest<readonly Device[]>();

  constructor(definition: DevicePluginDefinition, log: (message: string) => void) {
    this.#definition = definition;
    this.#log = log;
  }

  /** The ids of the devices there are, healthy or not. */
  get ids(): ReadonlySet<string> {
    return new Set(this.#latest.value?.map(({ ID }) => ID));
  }

  /** Listens to the author's `list` until `signal` aborts, or until it ends by itself. What goes wrong is told and tried again. */
  async follow(signal: AbortSignal): Promise<void> {
    let told = '';
    for (let pauseMs = firstPauseMs; !signal.aborted; pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
      try {
        for await (const list of untilAborted(this.#definition.list(signal), signal)) {
          pauseMs = firstPauseMs;
          told = '';
          this.#take(list);
        }
        return;
      } catch (thrown) {
        if (signal.aborted) return;
        const { message } = PluginError.from(thrown);
        if (message !== told) this.#log(`list failed: ${message}; its devices are unhealthy until it succeeds, which is tried again`);
        told = message;
        this.#publish((this.#latest.value ?? []).map((device) => ({ ...device, health: deviceUnhealthy })));
        await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  /** The newest list, as soon as there is one, and each time that it is another one; a slow reader misses those between. */
  async *watch(signal: AbortSignal): AsyncGenerator<ListAndWatchResponse, void> {
    for await (const devices of this.#latest.watch(signal)) yield ListAndWatchResponse.create({ devices: [...devices] });
  }

  #take(list: readonly DeviceDescription[]): void {
    const problem = problemOf(list);
    if (problem) this.#log(`list gave a list that no kubelet takes: ${problem}; the one before it stays`);
    else this.#publish(list.map(deviceOf));
  }

  #publish(devices: readonly Device[]): void {
    const { value } = this.#latest;
    if (value && JSON.stringify(value, bigintsAsText) === JSON.stringify(devices, bigintsAsText)) return;
    this.#latest.publish(devices);
  }
}

/** What an author gives, whether he heeds the signal or not. */
async function* untilAborted<Value>(given: AsyncIterable<Value>, signal: AbortSignal): AsyncGenerator<Value, void> {
  if (typeof given?.[Symbol.asyncIterator] !== 'function')
    throw new PluginError('INVALID_ARGUMENT', 'it gave no async iterable', {
      hint: 'write async *list(signal), and yield each list as a whole',
    });
  const values = given[Symbol.asyncIterator]();
  try {
    for (let next = await unlessAborted(values.next(), signal); !next.done; next = await unlessAborted(values.next(), signal))
      yield next.value;
  } finally {
    // Not awaited: a generator that waits for something else than the signal would hold up the end.
    void Promise.resolve(values.return?.()).catch(() => undefined);
  }
}

function problemOf(list: readonly DeviceDescription[]): string | undefined {
  const seen = new Set<string>();
  for (const { id, numaNodes = [] } of list) {
    if (typeof id !== 'string' || id.length === 0 || id.length > longestId)
      return `the id ${quoted(id)} has not 1 to ${longestId} characters`;
    const problem = problemOfId(id);
    if (problem !== undefined) return `of the device ${quoted(id)}: ${problem}`;
    if (seen.has(id)) return `the id ${id} comes twice`;
    if (!Array.isArray(numaNodes) || !numaNodes.every(isNode))
      return `the device ${id} is near to the NUMA nodes ${JSON.stringify(numaNodes)}, which are no list of whole numbers`;
    seen.add(id);
  }
  return undefined;
}

function isNode(node: unknown): boolean {
  return Number.isSafeInteger(node) && (node as number) >= 0;
}

function deviceOf({ id, healthy = true, numaNodes = [] }: DeviceDescription): Device {
  const nodes = numaNodes.map((node) => ({ ID: BigInt(node) }));
  return Device.create({ ID: id, health: healthy ? deviceHealthy : deviceUnhealthy, ...(nodes.length > 0 && { topology: { nodes } }) });
}

function bigintsAsText(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}
