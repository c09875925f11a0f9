import { CpuRates } from '@berth/sdk/cgroup/cpu-rates';
import type { Logger } from 'pino';
import { CommandSlots } from './container/command-slots.ts';
import { Containers } from './container/containers.ts';
import { ImageVolumes } from './container/image-volumes.ts';
import { ShimDirectories } from './directories.ts';
import { LifeCycle } from './events/life-cycle.ts';
import type { FileCalls } from './file-calls.ts';
import { GuardedRuntime } from './guarded-runtime.ts';
import type { Images } from './image/images.ts';
import { KeyedLock } from './keyed-lock.ts';
import type { PodCidr } from './network/pod-cidr.ts';
import type { PodNetwork } from './network/pod-network.ts';
import { shimRefusals } from './refusals.ts';
import type { Refusal, Runtime, RuntimeFeatures, RuntimeVersion } from './runtime.ts';
import { SandboxWork } from './sandbox/sandbox-work.ts';
import { Sandboxes } from './sandbox/sandboxes.ts';
import type { ShimOptions } from './shim-options.ts';
import { WritableLayers } from './stats/writable-layers.ts';
import { StreamingServer } from './streaming/streaming-server.ts';

interface ShimParts {
  options: ShimOptions;
  runtime: Runtime;
  images: Images;
  network: PodNetwork;
  podCidr: PodCidr;
  calls: FileCalls;
  log: Logger;
}

/** One runtime's CRI server: what each RPC works with. The RPCs stand in files of their own, as functions of this. */
export class Shim {
  readonly handler: string;
  readonly runtime: Runtime;
  readonly features: RuntimeFeatures;
  readonly images: Images;
  readonly imageVolumes: ImageVolumes;
  readonly network: PodNetwork;
  readonly podCidr: PodCidr;
  readonly calls: FileCalls;
  readonly log: Logger;
  readonly directories: ShimDirectories;
  readonly streaming: StreamingServer;
  readonly sandboxes: Sandboxes;
  readonly containers: Containers;
  readonly lifeCycle: LifeCycle;
  /** One change of an object at a time, by its id. */
  readonly locks = new KeyedLock();
  readonly work = new SandboxWork();
  readonly commands = new CommandSlots();
  readonly cpuRates = new CpuRates();
  readonly writableLayers = new WritableLayers();
  version: RuntimeVersion = { name: '', version: '' };
  /** Why the runtime is not ready, if it isn't. */
  fault: string | undefined;

  constructor({ options, runtime, images, network, podCidr, calls, log }: ShimParts) {
    this.handler = options.handler;
    this.runtime = new GuardedRuntime(runtime);
    this.features = runtime.features();
    this.images = images;
    this.network = network;
    this.podCidr = podCidr;
    this.calls = calls;
    this.log = log;
    this.directories = new ShimDirectories(options.root, options.run, options.handler);
    const { streamingAddress = '127.0.0.1:0', streamingTls } = options;
    this.streaming = new StreamingServer({ address: streamingAddress, ...(streamingTls && { tls: streamingTls }), log });
    this.imageVolumes = new ImageVolumes(images, this.directories);
    this.sandboxes = new Sandboxes(this.directories);
    this.containers = new Containers(this.directories, (container) =>
      this.lifeCycle.containerStopped(container, this.sandboxes.find(container.record.sandboxId)),
    );
    this.lifeCycle = new LifeCycle(this.containers);
  }

  /** Whether a request may have a field that not every runtime can do, by its name in a refusal. */
  supports(field: string): boolean {
    return this.version.supported?.includes(field) ?? false;
  }

  /** What no request may ask for: of this server, and of the runtime. */
  get refusals(): Refusal[] {
    return [...shimRefusals.filter(({ field }) => !this.supports(field)), ...this.features.refused];
  }
}
