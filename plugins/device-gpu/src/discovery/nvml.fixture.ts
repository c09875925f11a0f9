import { setTimeout as sleep } from 'node:timers/promises';
import { type Nvml, NvmlError, type NvmlEvent, type NvmlHandle, nvmlResults } from './nvml.ts';

interface FakeMig {
  uuid: string;
  gpuInstance: number;
  name?: string;
}

interface FakeGpu {
  uuid: string;
  address: string;
  /** nvmlReturn_t of whatever is asked of it. */
  lost?: number;
  migs?: readonly FakeMig[];
  /** What each NVLink leads to: an address, a switch, or nothing. */
  nvLinks?: readonly (string | 'switch' | undefined)[];
}

const gpuLost = 15;

/** NVML with GPUs that a test has made up. */
export class FakeNvml implements Nvml {
  gpus: readonly FakeGpu[];
  /** Functions that this library is too old for. */
  readonly missing = new Set<keyof Nvml>();
  /** What happened in order, of what has to be taken back. */
  readonly held: string[] = [];
  readonly #events: NvmlEvent[] = [];
  #registered: NvmlHandle[] = [];

  constructor(gpus: readonly FakeGpu[]) {
    this.gpus = gpus;
  }

  /** Tells an error of the GPU with an index. */
  raise(index: number, xid: number, gpuInstance?: number): void {
    this.#events.push({ device: BigInt(index), xid, gpuInstance, computeInstance: undefined });
  }

  get registered(): readonly NvmlHandle[] {
    return this.#registered;
  }

  async init(): Promise<void> {
    this.#check('init');
    this.held.push('init');
  }

  async shutdown(): Promise<void> {
    this.held.push('shutdown');
  }

  async driverVersion(): Promise<string> {
    this.#check('driverVersion');
    return '550.54.15';
  }

  async deviceCount(): Promise<number> {
    return this.gpus.length;
  }

  async device(index: number): Promise<NvmlHandle> {
    if (this.gpus[index]?.lost === gpuLost) throw new NvmlError('nvmlDeviceGetHandleByIndex_v2', gpuLost, 'GPU is lost');
    return BigInt(index);
  }

  async uuid(device: NvmlHandle): Promise<string> {
    return this.#mig(device)?.uuid ?? this.#gpu(device).uuid;
  }

  async name(device: NvmlHandle): Promise<string> {
    return this.#mig(device)?.name ?? 'NVIDIA A100';
  }

  async minorNumber(device: NvmlHandle): Promise<number> {
    return Number(device);
  }

  async pciAddress(device: NvmlHandle): Promise<string> {
    return this.#gpu(device).address;
  }

  async totalMemory(device: NvmlHandle): Promise<bigint> {
    this.#check('totalMemory');
    const { lost } = this.#gpu(device);
    if (lost !== undefined) throw new NvmlError('nvmlDeviceGetMemoryInfo', lost, 'Unknown Error');
    return 42_298_834_944n;
  }

  async migEnabled(device: NvmlHandle): Promise<boolean> {
    this.#check('migEnabled');
    return this.#gpu(device).migs !== undefined;
  }

  async mostMigDevices(): Promise<number> {
    return 7;
  }

  async migDevice(device: NvmlHandle, index: number): Promise<NvmlHandle> {
    if (this.#gpu(device).migs?.[index] === undefined)
      throw new NvmlError('nvmlDeviceGetMigDeviceHandleByIndex', nvmlResults.notFound, 'Not Found');
    return device * 100n + 1000n + BigInt(index);
  }

  async gpuInstance(migDevice: NvmlHandle): Promise<number> {
    return this.#mig(migDevice)?.gpuInstance ?? -1;
  }

  async computeInstance(): Promise<number> {
    return 0;
  }

  async migAttributes(): Promise<{ gpuSlices: number; computeSlices: number; memoryMiB: bigint }> {
    this.#check('migAttributes');
    return { gpuSlices: 1, computeSlices: 1, memoryMiB: 4864n };
  }

  async nvLinkActive(device: NvmlHandle, link: number): Promise<boolean> {
    this.#check('nvLinkActive');
    const links = this.#gpu(device).nvLinks ?? [];
    if (link >= links.length) throw new NvmlError('nvmlDeviceGetNvLinkState', 2, 'Invalid Argument');
    return links[link] !== undefined;
  }

  async nvLinkPeer(device: NvmlHandle, link: number): Promise<'gpu' | 'switch'> {
    this.#check('nvLinkPeer');
    return this.#gpu(device).nvLinks?.[link] === 'switch' ? 'switch' : 'gpu';
  }

  async nvLinkPeerAddress(device: NvmlHandle, link: number): Promise<string> {
    return this.#gpu(device).nvLinks?.[link] ?? '';
  }

  async topologyLevel(): Promise<number> {
    this.#check('topologyLevel');
    return 20;
  }

  async createEvents(): Promise<bigint> {
    this.#check('createEvents');
    this.held.push('create events');
    this.#registered = [];
    return 1n;
  }

  async registerXids(device: NvmlHandle): Promise<void> {
    this.#check('registerXids');
    this.#registered.push(device);
  }

  async waitForXid(): Promise<NvmlEvent | undefined> {
    await sleep(1);
    return this.#events.shift();
  }

  async freeEvents(): Promise<void> {
    this.held.push('free events');
  }

  #check(name: keyof Nvml): void {
    if (this.missing.has(name)) throw new NvmlError(name, nvmlResults.functionNotFound, 'Function Not Found');
  }

  #gpu(device: NvmlHandle): FakeGpu {
    const found = this.gpus[Number(device)];
    if (found === undefined) throw new NvmlError('any', 2, 'Invalid Argument');
    return found;
  }

  #mig(device: NvmlHandle): FakeMig | undefined {
    return device < 1000n ? undefined : this.gpus[Math.floor((Number(device) - 1000) / 100)]?.migs?.[Number(device) % 100];
  }
}
