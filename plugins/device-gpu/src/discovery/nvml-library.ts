import { libc } from '@berth/sdk/libc';
import type { LibraryHandle } from 'koffi';
import { type NvLinkPeer, type Nvml, NvmlError, type NvmlHandle, nvmlResults } from './nvml.ts';

const textBytes = 96;
/** nvmlPciInfo_t in its largest version; domain, bus and device are at the same places in all. */
const pciInfo = { bytes: 128, domain: 16, bus: 20, device: 24 } as const;
/** nvmlMemory_t. */
const memoryInfo = { bytes: 24, total: 0 } as const;
/** nvmlDeviceAttributes_t, which nvmlDeviceGetAttributes_v2 fills in. */
const attributes = { bytes: 40, gpuSlices: 24, computeSlices: 28, memoryMiB: 32 } as const;
/** nvmlEventData_t; the instances come with nvmlEventSetWait_v2 only. */
const eventData = { bytes: 32, device: 0, type: 8, data: 16, gpuInstance: 24, computeInstance: 28 } as const;
const xidCriticalError = 8n;
const noInstance = 0xffffffff;
const nvLinkPeers: Readonly<Record<number, NvLinkPeer>> = { 0: 'gpu', 2: 'switch' };

type Argument = number | bigint | Buffer;
type LibraryFunction = ReturnType<LibraryHandle['func']>;

/** Of each argument its type in C. Handles are pointers that only NVML looks at: numbers of their size. */
type Signature = readonly ('uint' | 'uint64_t' | 'uintptr_t' | 'void *')[];

/** Loads `libnvidia-ml.so.1`, of the driver; throws where it isn't there. `file` for another one. */
export function loadNvml(file = 'libnvidia-ml.so.1'): Nvml {
  return new NvmlLibrary(libc().koffi.load(file));
}

/** NVML's functions as they are, each called in a thread of its own: they may take seconds where a GPU is dying. */
class NvmlLibrary implements Nvml {
  readonly #library: LibraryHandle;
  readonly #functions = new Map<string, LibraryFunction>();

  constructor(library: LibraryHandle) {
    this.#library = library;
  }

  async init(): Promise<void> {
    await this.#call(['nvmlInit_v2', 'nvmlInit'], []);
  }

  async shutdown(): Promise<void> {
    await this.#call(['nvmlShutdown'], []);
  }

  async driverVersion(): Promise<string> {
    return this.#text(['nvmlSystemGetDriverVersion'], [], []);
  }

  async deviceCount(): Promise<number> {
    return this.#number(['nvmlDeviceGetCount_v2', 'nvmlDeviceGetCount'], [], []);
  }

  async device(index: number): Promise<NvmlHandle> {
    return this.#handle(['nvmlDeviceGetHandleByIndex_v2', 'nvmlDeviceGetHandleByIndex'], ['uint'], [index]);
  }

  async uuid(device: NvmlHandle): Promise<string> {
    return this.#text(['nvmlDeviceGetUUID'], ['uintptr_t'], [device]);
  }

  async name(device: NvmlHandle): Promise<string> {
    return this.#text(['nvmlDeviceGetName'], ['uintptr_t'], [device]);
  }

  async minorNumber(device: NvmlHandle): Promise<number> {
    return this.#number(['nvmlDeviceGetMinorNumber'], ['uintptr_t'], [device]);
  }

  async pciAddress(device: NvmlHandle): Promise<string> {
    const names = ['nvmlDeviceGetPciInfo_v3', 'nvmlDeviceGetPciInfo_v2', 'nvmlDeviceGetPciInfo'];
    return addressIn(await this.#filled(names, ['uintptr_t'], [device], pciInfo.bytes));
  }

  async totalMemory(device: NvmlHandle): Promise<bigint> {
    const memory = await this.#filled(['nvmlDeviceGetMemoryInfo'], ['uintptr_t'], [device], memoryInfo.bytes);
    return memory.readBigUInt64LE(memoryInfo.total);
  }

  async migEnabled(device: NvmlHandle): Promise<boolean> {
    const current = Buffer.alloc(4);
    const pending = Buffer.alloc(4);
    await this.#call(['nvmlDeviceGetMigMode'], ['uintptr_t', 'void *', 'void *'], device, current, pending);
    return current.readUInt32LE() === 1;
  }

  async mostMigDevices(device: NvmlHandle): Promise<number> {
    return this.#number(['nvmlDeviceGetMaxMigDeviceCount'], ['uintptr_t'], [device]);
  }

  async migDevice(device: NvmlHandle, index: number): Promise<NvmlHandle> {
    return this.#handle(['nvmlDeviceGetMigDeviceHandleByIndex'], ['uintptr_t', 'uint'], [device, index]);
  }

  async gpuInstance(migDevice: NvmlHandle): Promise<number> {
    return this.#number(['nvmlDeviceGetGpuInstanceId'], ['uintptr_t'], [migDevice]);
  }

  async computeInstance(migDevice: NvmlHandle): Promise<number> {
    return this.#number(['nvmlDeviceGetComputeInstanceId'], ['uintptr_t'], [migDevice]);
  }

  async migAttributes(migDevice: NvmlHandle): Promise<{ gpuSlices: number; computeSlices: number; memoryMiB: bigint }> {
    const filled = await this.#filled(['nvmlDeviceGetAttributes_v2'], ['uintptr_t'], [migDevice], attributes.bytes);
    return {
      gpuSlices: filled.readUInt32LE(attributes.gpuSlices),
      computeSlices: filled.readUInt32LE(attributes.computeSlices),
      memoryMiB: filled.readBigUInt64LE(attributes.memoryMiB),
    };
  }

  async nvLinkActive(device: NvmlHandle, link: number): Promise<boolean> {
    return (await this.#number(['nvmlDeviceGetNvLinkState'], ['uintptr_t', 'uint'], [device, link])) === 1;
  }

  async nvLinkPeer(device: NvmlHandle, link: number): Promise<NvLinkPeer> {
    const type = await this.#number(['nvmlDeviceGetNvLinkRemoteDeviceType'], ['uintptr_t', 'uint'], [device, link]);
    return nvLinkPeers[type] ?? 'other';
  }

  async nvLinkPeerAddress(device: NvmlHandle, link: number): Promise<string> {
    const names = ['nvmlDeviceGetNvLinkRemotePciInfo_v2', 'nvmlDeviceGetNvLinkRemotePciInfo'];
    return addressIn(await this.#filled(names, ['uintptr_t', 'uint'], [device, link], pciInfo.bytes));
  }

  async topologyLevel(first: NvmlHandle, second: NvmlHandle): Promise<number> {
    return this.#number(['nvmlDeviceGetTopologyCommonAncestor'], ['uintptr_t', 'uintptr_t'], [first, second]);
  }

  async createEvents(): Promise<bigint> {
    return this.#handle(['nvmlEventSetCreate'], [], []);
  }

  async registerXids(device: NvmlHandle, events: bigint): Promise<void> {
    await this.#call(['nvmlDeviceRegisterEvents'], ['uintptr_t', 'uint64_t', 'uintptr_t'], device, xidCriticalError, events);
  }

  async waitForXid(events: bigint, timeoutMs: number): ReturnType<Nvml['waitForXid']> {
    const data = Buffer.alloc(eventData.bytes, 0xff);
    try {
      const signature = ['uintptr_t', 'void *', 'uint'] as const;
      await this.#call(['nvmlEventSetWait_v2', 'nvmlEventSetWait'], signature, events, data, timeoutMs);
    } catch (thrown) {
      if (thrown instanceof NvmlError && thrown.result === nvmlResults.timeout) return undefined;
      throw thrown;
    }
    if (data.readBigUInt64LE(eventData.type) !== xidCriticalError) return undefined;
    return {
      device: data.readBigUInt64LE(eventData.device),
      xid: Number(data.readBigUInt64LE(eventData.data)),
      gpuInstance: instanceAt(data, eventData.gpuInstance),
      computeInstance: instanceAt(data, eventData.computeInstance),
    };
  }

  async freeEvents(events: bigint): Promise<void> {
    await this.#call(['nvmlEventSetFree'], ['uintptr_t'], events);
  }

  async #text(names: readonly string[], signature: Signature, given: Argument[]): Promise<string> {
    const text = Buffer.alloc(textBytes);
    await this.#call(names, [...signature, 'void *', 'uint'], ...given, text, textBytes);
    const end = text.indexOf(0);
    return text.toString('utf8', 0, end < 0 ? textBytes : end);
  }

  async #number(names: readonly string[], signature: Signature, given: Argument[]): Promise<number> {
    return (await this.#filled(names, signature, given, 4)).readUInt32LE();
  }

  async #handle(names: readonly string[], signature: Signature, given: Argument[]): Promise<bigint> {
    return (await this.#filled(names, signature, given, 8)).readBigUInt64LE();
  }

  /** What a function writes where its last argument points to. */
  async #filled(names: readonly string[], signature: Signature, given: Argument[], bytes: number): Promise<Buffer> {
    const filled = Buffer.alloc(bytes);
    await this.#call(names, [...signature, 'void *'], ...given, filled);
    return filled;
  }

  /** Calls the first of the functions that the library has: new versions of one stand first. */
  async #call(names: readonly string[], signature: Signature, ...given: Argument[]): Promise<void> {
    const name = names.find((candidate) => this.#find(candidate, signature) !== undefined);
    const found = name === undefined ? undefined : this.#functions.get(name);
    if (name === undefined || found === undefined) {
      throw new NvmlError(names[0] ?? '', nvmlResults.functionNotFound, "the driver's library doesn't have this function");
    }
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    found.async(...given, (error: Error | null, result: number) => (error ? reject(error) : resolve(result)));
    const result = await promise;
    if (result !== nvmlResults.success) throw new NvmlError(name, result, this.#describe(result));
  }

  #find(name: string, signature: Signature): LibraryFunction | undefined {
    const known = this.#functions.get(name);
    if (known) return known;
    try {
      const found = this.#library.func(name, 'int', [...signature]);
      this.#functions.set(name, found);
      return found;
    } catch {
      // An older library: it stays so.
      return undefined;
    }
  }

  #describe(result: number): string {
    try {
      return String(this.#library.func('const char *nvmlErrorString(int result)')(result));
    } catch {
      return `error ${result}`;
    }
  }
}

function addressIn(info: Buffer): string {
  const hexadecimal = (offset: number, digits: number) => info.readUInt32LE(offset).toString(16).padStart(digits, '0');
  return `${hexadecimal(pciInfo.domain, 4)}:${hexadecimal(pciInfo.bus, 2)}:${hexadecimal(pciInfo.device, 2)}.0`;
}

function instanceAt(data: Buffer, offset: number): number | undefined {
  const instance = data.readUInt32LE(offset);
  return instance === noInstance ? undefined : instance;
}
