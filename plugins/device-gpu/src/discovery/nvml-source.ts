import { setTimeout as sleep } from 'node:timers/promises';
import type { HostRoot } from '../host-root.ts';
import type { Gpu, Inventory, MigDevice } from './gpu.ts';
import { type GpuLink, type GpuLinks, linksBetween, pciDistances } from './gpu-links.ts';
import type { GpuSource } from './gpu-source.ts';
import { capabilityFilesOf } from './mig-files.ts';
import { profileInName, profileOfSlices } from './mig-profile.ts';
import { nvLinksBetween, nvLinksOf } from './nv-links.ts';
import { type Nvml, NvmlError, type NvmlHandle, nvmlResults } from './nvml.ts';
import { numaNodeOf, pciDistance, pciPathOf } from './pci-topology.ts';
import type { XidError } from './xid.ts';

/** How long one wait for events may hold up the end of the program. */
const eventWaitMs = 1000;
const pauseAfterFailureMs = 1000;
/** nvmlGpuTopologyLevel_t counts in tens. */
const perTopologyLevel = 10;

interface NvmlSourceOptions {
  /** Where NVML has no events: errors as the files tell them. */
  fallbackErrors(signal: AbortSignal): AsyncIterable<XidError>;
  log(message: string): void;
}

/** GPUs as NVML tells of them; NUMA nodes and files of capabilities by /sys and /proc. */
export class NvmlSource implements GpuSource {
  readonly name = 'nvml';
  readonly #nvml: Nvml;
  readonly #host: HostRoot;
  readonly #options: NvmlSourceOptions;
  /** Of the newest inventory. */
  #handles = new Map<string, NvmlHandle>();

  private constructor(nvml: Nvml, host: HostRoot, options: NvmlSourceOptions) {
    this.#nvml = nvml;
    this.#host = host;
    this.#options = options;
  }

  /** Rejects where the library can't reach the driver. */
  static async start(nvml: Nvml, host: HostRoot, options: NvmlSourceOptions): Promise<NvmlSource> {
    await nvml.init();
    return new NvmlSource(nvml, host, options);
  }

  async inventory(): Promise<Inventory> {
    const count = await this.#nvml.deviceCount();
    const handles = new Map<string, NvmlHandle>();
    const gpus: Gpu[] = [];
    for (let index = 0; index < count; index++) {
      const found = await this.#gpu(index);
      if (found === undefined) continue;
      handles.set(found.gpu.id, found.handle);
      gpus.push(found.gpu);
    }
    this.#handles = handles;
    return { driverVersion: await this.#nvml.driverVersion().catch(unlessMissing), gpus };
  }

  async links(gpus: readonly Gpu[]): Promise<GpuLinks> {
    const ends = new Map<string, Awaited<ReturnType<typeof nvLinksOf>>>();
    const distances = new Map<string, GpuLink['distance']>();
    for (const [index, gpu] of gpus.entries()) {
      const handle = this.#handles.get(gpu.id);
      if (handle !== undefined) ends.set(gpu.id, await nvLinksOf(this.#nvml, handle));
      for (const other of gpus.slice(index + 1)) distances.set(`${gpu.id} ${other.id}`, await this.#distance(gpu, other));
    }
    return linksBetween(gpus, (first, second) => ({
      distance: distances.get(`${first.id} ${second.id}`) ?? 'system',
      nvLinks: nvLinksBetween({ ...first, links: ends.get(first.id) }, { ...second, links: ends.get(second.id) }),
    }));
  }

  async *errors(signal: AbortSignal): AsyncGenerator<XidError, void> {
    while (!signal.aborted) {
      try {
        yield* this.#events(signal);
      } catch (thrown) {
        if (isMissing(thrown)) {
          yield* this.#options.fallbackErrors(signal);
          return;
        }
        this.#options.log(`NVML tells of no errors at present: ${(thrown as Error).message}`);
        await sleep(pauseAfterFailureMs, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  async close(): Promise<void> {
    await this.#nvml.shutdown();
  }

  /** Until the GPUs are others than they were when it began. */
  async *#events(signal: AbortSignal): AsyncGenerator<XidError, void> {
    const registered = this.#handles;
    if (registered.size === 0) {
      await sleep(eventWaitMs, undefined, { signal }).catch(() => undefined);
      return;
    }
    const events = await this.#nvml.createEvents();
    try {
      let supported = false;
      for (const handle of registered.values()) supported = (await this.#register(handle, events)) || supported;
      if (!supported) throw new NvmlError('nvmlDeviceRegisterEvents', nvmlResults.notSupported, 'no GPU here has events');
      while (!signal.aborted && sameKeys(registered, this.#handles)) {
        const event = await this.#nvml.waitForXid(events, eventWaitMs);
        if (event === undefined) continue;
        const { xid, device, gpuInstance, computeInstance } = event;
        const gpu = await this.#nvml.uuid(device).catch(() => undefined);
        yield { xid, gpu, ...(gpuInstance !== undefined && { gpuInstance }), ...(computeInstance !== undefined && { computeInstance }) };
      }
    } finally {
      await this.#nvml.freeEvents(events);
    }
  }

  async #register(handle: NvmlHandle, events: bigint): Promise<boolean> {
    return this.#nvml.registerXids(handle, events).then(
      () => true,
      () => false,
    );
  }

  /** Undefined for one that has gone, or that NVML can't even name. */
  async #gpu(index: number): Promise<{ gpu: Gpu; handle: NvmlHandle } | undefined> {
    try {
      const handle = await this.#nvml.device(index);
      const busId = await this.#nvml.pciAddress(handle);
      const minor = await this.#nvml.minorNumber(handle);
      const uuid = await this.#nvml.uuid(handle);
      const named = { id: uuid, uuid, index, minor, busId, numaNode: numaNodeOf(this.#host, busId) };
      return { gpu: { ...named, ...(await this.#state(handle, minor)) }, handle };
    } catch (thrown) {
      this.#options.log(`NVML doesn't tell of GPU ${index}: ${(thrown as Error).message}`);
      return undefined;
    }
  }

  async #state(handle: NvmlHandle, minor: number): Promise<Pick<Gpu, 'model' | 'migEnabled' | 'migDevices' | 'problem'>> {
    try {
      const model = await this.#nvml.name(handle);
      // Of a GPU that is lost this fails.
      const memory = (await this.#nvml.totalMemory(handle).catch(unlessMissing)) ?? 0n;
      const migEnabled = (await this.#nvml.migEnabled(handle).catch(unlessMissing)) ?? false;
      const migDevices = migEnabled ? await this.#migDevices(handle, minor, memory) : [];
      return { model, migEnabled, migDevices, problem: undefined };
    } catch (thrown) {
      return { model: '', migEnabled: false, migDevices: [], problem: `NVML says of it: ${(thrown as Error).message}` };
    }
  }

  async #migDevices(gpu: NvmlHandle, minor: number, gpuMemory: bigint): Promise<MigDevice[]> {
    const most = await this.#nvml.mostMigDevices(gpu);
    const found: MigDevice[] = [];
    for (let index = 0; index < most; index++) {
      const handle = await this.#nvml.migDevice(gpu, index).catch(unlessMissing);
      if (handle === undefined) continue;
      const instances = { gpuInstance: await this.#nvml.gpuInstance(handle), computeInstance: await this.#nvml.computeInstance(handle) };
      const uuid = await this.#nvml.uuid(handle);
      found.push({
        id: uuid,
        uuid,
        index,
        profile: await this.#profile(handle, gpuMemory),
        ...instances,
        capabilityFiles: capabilityFilesOf(this.#host, minor, instances),
      });
    }
    return found;
  }

  async #profile(migDevice: NvmlHandle, gpuMemory: bigint): Promise<string | undefined> {
    const named = profileInName((await this.#nvml.name(migDevice).catch(unlessMissing)) ?? '');
    if (named !== undefined || gpuMemory === 0n) return named;
    const slices = await this.#nvml.migAttributes(migDevice).catch(unlessMissing);
    return slices && profileOfSlices({ ...slices, gpuMemory });
  }

  async #distance(first: Gpu, second: Gpu): Promise<GpuLink['distance']> {
    const [one, other] = [this.#handles.get(first.id), this.#handles.get(second.id)];
    if (one !== undefined && other !== undefined) {
      const level = await this.#nvml.topologyLevel(one, other).catch(() => undefined);
      const distance = level === undefined ? undefined : pciDistances[level / perTopologyLevel];
      if (distance !== undefined) return distance;
    }
    const place = (gpu: Gpu) => ({ path: pciPathOf(this.#host, gpu.busId), numaNode: gpu.numaNode });
    return pciDistance(place(first), place(second));
  }
}

/** What this GPU, or this library, doesn't have. */
function isMissing(thrown: unknown): boolean {
  const results: readonly number[] = [nvmlResults.notSupported, nvmlResults.notFound, nvmlResults.functionNotFound];
  return thrown instanceof NvmlError && results.includes(thrown.result);
}

function unlessMissing(thrown: unknown): undefined {
  if (!isMissing(thrown)) throw thrown;
}

function sameKeys(first: ReadonlyMap<string, unknown>, second: ReadonlyMap<string, unknown>): boolean {
  return first.size === second.size && [...first.keys()].every((key) => second.has(key));
}
