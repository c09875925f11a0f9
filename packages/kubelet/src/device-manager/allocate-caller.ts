import type { Container, Pod } from '@berth/api/objects';
import type { DevicePluginClient } from '@berth/sdk/device/client';
import { problemOfChoice } from '@berth/sdk/device/preference';
import type { ContainerAllocateResponse } from '@berth/sdk/device/protocol';
import { PluginError } from '@berth/sdk/errors';
import type { Refusal } from '../plan/observed-pod.ts';
import { resourceContainers, uidOf } from '../pod.ts';
import { unexpectedRefusal } from '../topology-manager/hint-provider.ts';
import { chooseDevices, preferenceRequest } from './choose-devices.ts';
import { candidatesFor, keptByOthers } from './device-candidates.ts';
import type { DeviceHoldings, Holding } from './device-holdings.ts';
import type { DevicePlugins } from './device-plugins.ts';
import { mergeAllocateResponses } from './device-run-container-options.ts';
import { unavailable, unregisteredDevice } from './refusals.ts';

interface AllocateCallerOptions {
  holdings: DeviceHoldings;
  plugins: Pick<DevicePlugins, 'clientOf' | 'tellPreference' | 'unregistered'>;
  /** How long each Allocate took. */
  onAllocated(resource: string, seconds: number): void;
}

/** Calls plugins for the devices that are set apart for pods: GetPreferredAllocation, where they want it, and Allocate. */
export class AllocateCaller {
  readonly #options: AllocateCallerOptions;

  constructor(options: AllocateCallerOptions) {
    this.#options = options;
  }

  /**
   * Gets answers for all that is set apart for the pod and hasn't got one. Gives why the pod can't run if a plugin refuses, or there are too few devices by
   * now. UNAVAILABLE while a plugin isn't there: it may come.
   */
  async callFor(pod: Pod, signal: AbortSignal): Promise<Refusal | undefined> {
    for (const container of resourceContainers(pod)) {
      const refusal = await this.callForContainer(pod, container, signal);
      if (refusal) return refusal;
    }
    return undefined;
  }

  /** The same for one of the pod's containers. */
  async callForContainer(pod: Pod, container: Container, signal: AbortSignal): Promise<Refusal | undefined> {
    const pending = this.#options.holdings.ofContainer(uidOf(pod), container.name).filter(({ answer }) => !answer);
    for (const holding of pending) {
      try {
        await this.#ask(pod, container, holding, signal);
      } catch (thrown) {
        const error = PluginError.from(thrown);
        if (signal.aborted || error.code === 'UNAVAILABLE') throw error;
        return unexpectedRefusal(error.message);
      }
    }
    return undefined;
  }

  async #ask(pod: Pod, container: Container, holding: Holding, signal: AbortSignal): Promise<void> {
    const { holdings } = this.#options;
    const client = this.#clientOf(holding.resource);
    const preferred = await this.#preferred(pod, container, holding, client, signal);
    // The answer took its time: others may have taken devices meanwhile, and some may have become unhealthy.
    const ids = this.#settle(pod, container, holding, preferred);
    const answer = await this.#allocate(client, ids, signal);
    // A plugin that contradicts another one ends the pod now, and not each start of its container.
    mergeAllocateResponses([...answersOf(holdings, holding), { resource: holding.resource, answer }]);
    holdings.put({ ...this.#stillHeld(holding), ids, answer });
  }

  #clientOf(resource: string): DevicePluginClient {
    const client = this.#options.plugins.clientOf(resource);
    if (client) return client;
    if (!this.#options.holdings.devicesOf(resource)) throw new PluginError('NOT_FOUND', unregisteredDevice(resource));
    throw this.#options.plugins.unregistered(resource);
  }

  async #preferred(
    pod: Pod,
    container: Container,
    { resource, ids, affinity }: Holding,
    client: DevicePluginClient,
    signal: AbortSignal,
  ): Promise<string[]> {
    if (!client.options.getPreferredAllocationAvailable) return [];
    const candidates = candidatesFor(this.#options.holdings, pod, container, { resource, count: ids.length, affinity });
    const wanted = preferenceRequest(candidates);
    if (!wanted) return [];
    const { available, mustInclude, size } = wanted;
    const request = { availableDeviceIDs: [...available], mustIncludeDeviceIDs: [...mustInclude], allocationSize: size };
    const preferred = await client.preferred(request, signal);
    // Without any it has no preference, which is its right.
    const problem = preferred.length > 0 ? problemOfChoice(preferred, wanted) : undefined;
    if (problem !== undefined) this.#options.plugins.tellPreference(client, problem);
    return preferred;
  }

  /** Fixes which devices they are: from here on they are the container's. */
  #settle(pod: Pod, container: Container, holding: Holding, preferred: readonly string[]): readonly string[] {
    const { holdings } = this.#options;
    const { resource, affinity } = holding;
    const need = { resource, count: holding.ids.length, affinity };
    this.#stillHeld(holding);
    if (preferred.length === 0 && isStillRight(holdings, pod, container, holding)) return holding.ids;
    const candidates = candidatesFor(holdings, pod, container, need);
    const ids = chooseDevices(candidates, preferred);
    if (!ids) throw new PluginError('RESOURCE_EXHAUSTED', unavailable(need, candidates));
    holdings.put({ ...holding, ids });
    return ids;
  }

  /** Throws CANCELLED where the pod has gone while a plugin was asked. */
  #stillHeld(holding: Holding): Holding {
    const held = this.#options.holdings.get(holding);
    if (held) return held;
    throw new PluginError('CANCELLED', 'the pod has gone meanwhile', { object: `devices of ${holding.resource}` });
  }

  async #allocate(client: DevicePluginClient, ids: readonly string[], signal: AbortSignal): Promise<ContainerAllocateResponse> {
    const startedAt = performance.now();
    try {
      return await client.allocate(ids, signal);
    } finally {
      this.#options.onAllocated(client.resourceName, (performance.now() - startedAt) / 1000);
    }
  }
}

/** Whether what is set apart can be had as it is: of 1,000 devices a choice takes longer than all else about them. */
function isStillRight(holdings: DeviceHoldings, pod: Pod, container: Container, { resource, ids }: Holding): boolean {
  const devices = holdings.devicesOf(resource);
  const kept = keptByOthers(holdings, pod, container, resource);
  return ids.every((id) => devices?.get(id)?.healthy && !kept.has(id));
}

/** What plugins have answered for the container so far. */
export function answersOf(holdings: DeviceHoldings, { uid, container }: Pick<Holding, 'uid' | 'container'>) {
  return holdings.ofContainer(uid, container).flatMap(({ resource, answer }) => (answer ? [{ resource, answer }] : []));
}
