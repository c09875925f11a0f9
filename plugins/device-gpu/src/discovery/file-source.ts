import type { HostRoot } from '../host-root.ts';
import type { Gpu, Inventory, MigDevice } from './gpu.ts';
import { type GpuLinks, linksBetween } from './gpu-links.ts';
import type { GpuSource } from './gpu-source.ts';
import { followKernelLog } from './kernel-log.ts';
import { capabilityFilesOf, type MigInstances, migInstancesOf } from './mig-files.ts';
import { isOnBus, numaNodeOf, pciDistance, pciPathOf } from './pci-topology.ts';
import { parseDriverVersion, parseGpuInformation } from './proc-texts.ts';
import { parseXid, type XidError } from './xid.ts';

const gpuDirectories = '/proc/driver/nvidia/gpus';

interface FileSourceOptions {
  /** What MIG devices are of, which no file tells. */
  migProfile: string | undefined;
  log(message: string): void;
}

/** GPUs by the files of the driver and of the kernel, without any library: no NVLinks, and no profiles of MIG devices. */
export class FileSource implements GpuSource {
  readonly name = 'files';
  readonly #host: HostRoot;
  readonly #options: FileSourceOptions;

  constructor(host: HostRoot, options: FileSourceOptions) {
    this.#host = host;
    this.#options = options;
  }

  async inventory(): Promise<Inventory> {
    const busIds = this.#host.list(gpuDirectories);
    const found = busIds.flatMap((busId) => {
      const information = parseGpuInformation(this.#host.read(`${gpuDirectories}/${busId}/information`) ?? '');
      return information === undefined || information.excluded ? [] : [{ busId, information }];
    });
    return {
      driverVersion: parseDriverVersion(this.#host.read('/proc/driver/nvidia/version') ?? ''),
      gpus: found.map(({ busId, information }, index) => this.#gpu(busId, index, information)),
    };
  }

  async links(gpus: readonly Gpu[]): Promise<GpuLinks> {
    const places = new Map(gpus.map((gpu) => [gpu.id, { path: pciPathOf(this.#host, gpu.busId), numaNode: gpu.numaNode }]));
    const nowhere = { path: [], numaNode: undefined };
    return linksBetween(gpus, (first, second) => ({
      distance: pciDistance(places.get(first.id) ?? nowhere, places.get(second.id) ?? nowhere),
      nvLinks: 0,
    }));
  }

  async *errors(signal: AbortSignal): AsyncGenerator<XidError, void> {
    for await (const line of followKernelLog(this.#host.path('/dev/kmsg'), signal, this.#options.log)) {
      const error = parseXid(line);
      if (error) yield error;
    }
  }

  async close(): Promise<void> {}

  #gpu(busId: string, index: number, { model, uuid, minor }: NonNullable<ReturnType<typeof parseGpuInformation>>): Gpu {
    const address = busId.toLowerCase();
    const migDevices = this.#migDevices(address, uuid, minor);
    return {
      // The UUID comes only when something uses the GPU: with that for an id, a GPU that a pod has would come to the kubelet as another one.
      id: address,
      uuid,
      index,
      minor,
      busId: address,
      model,
      numaNode: numaNodeOf(this.#host, address),
      migEnabled: migDevices.length > 0,
      migDevices,
      problem: isOnBus(this.#host, address) ? undefined : 'it is not on the PCI bus',
    };
  }

  #migDevices(address: string, uuid: string | undefined, minor: number): MigDevice[] {
    return migInstancesOf(this.#host, minor).map((instances, index) => ({
      id: migNameOf(address, instances),
      uuid: uuid && migNameOf(uuid, instances),
      index,
      profile: this.#options.migProfile,
      ...instances,
      capabilityFiles: capabilityFilesOf(this.#host, minor, instances),
    }));
  }
}

function migNameOf(gpu: string, { gpuInstance, computeInstance }: MigInstances): string {
  return `MIG-${gpu}/${gpuInstance}/${computeInstance}`;
}
