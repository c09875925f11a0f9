import type { Logger } from 'pino';
import { Containers } from './container/containers.ts';
import { ShimDirectories } from './directories.ts';
import type { FileCalls } from './file-calls.ts';
import { GuardedRuntime } from './guarded-runtime.ts';
import type { Images } from './image/images.ts';
import { KeyedLock } from './keyed-lock.ts';
import type { PodNetwork } from './network/pod-network.ts';
import { shimRefusals } from './refusals.ts';
import type { Refusal, Runtime, RuntimeFeatures, RuntimeVersion } from './runtime.ts';
import { SandboxWork } from './sandbox/sandbox-work.ts';
import { Sandboxes } from './sandbox/sandboxes.ts';
import type { ShimOptions } from './shim-options.ts';
import { StreamingServer } from './streaming/streaming-server.ts';

interface ShimParts {
  options: ShimOptions;
  runtime: Runtime;
  images: Images;
  network: PodNetwork;
  calls: FileCalls;
  log: Logger;
}

/** One runtime's CRI server: what each RPC works with. The RPCs stand in files of their own, as functions of this. */
export class Shim {
  readonly handler: string;
  readonly runtime: Runtime;
  readonly features: RuntimeFeatures;
  /** What no request may ask for: of this server, and of the runtime. */
  readonly refusals: Refusal[];
  readonly images: Images;
  readonly network: PodNetwork;
  readonly calls: FileCalls;
  readonly log: Logger;
  readonly directories: ShimDirectories;
  readonly streaming: StreamingServer;
  readonly sandboxes: Sandboxes;
  readonly containers: Containers;
  /** One change of an object at a time, by its id. */
  readonly locks = new KeyedLock();
  readonly work = new SandboxWork();
  version: RuntimeVersion = { name: '', version: '' };
  /** Why the runtime is not ready, if it isn't. */
  fault: string | undefined;

  constructor({ options, runtime, images, network, calls, log }: ShimParts) {
    this.handler = options.handler;
    this.runtime = new GuardedRuntime(runtime);
    this.features = runtime.features();
    this.refusals = [...shimRefusals(), ...this.features.refused];
    this.images = images;
    this.network = network;
    this.calls = calls;
    this.log = log;
    this.directories = new ShimDirectories(options.root, options.run, options.handler);
    this.streaming = new StreamingServer({ address: options.streamingAddress ?? '127.0.0.1:0', log });
    this.sandboxes = new Sandboxes(this.directories);
    this.containers = new Containers(this.directories);
  }
}
