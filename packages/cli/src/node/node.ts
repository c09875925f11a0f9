import { join } from 'node:path';
import type { Pod } from '@berth/api/objects';
import { Kubelet } from '@berth/kubelet/kubelet';
import { ManifestSource } from '@berth/kubelet/manifest-source';
import { PodTraces } from '@berth/kubelet/pod-traces';
import type { RuntimeClient } from '@berth/kubelet/runtime-client';
import { PluginError } from '@berth/sdk/errors';
import type { Logger } from 'pino';
import { type Directories, defaultEndpoint } from '../configuration/directories.ts';
import type { NodeConfiguration, RuntimeEntry } from '../configuration/node-configuration.ts';
import { HostGuard } from '../host/host-guard.ts';
import { writeDefaultNetwork } from './default-network.ts';
import { HandlerSource } from './handler-source.ts';
import { storeImages } from './images.ts';
import { refuseSecondNode } from './other-node.ts';
import { type CniDirectories, runtimeCommand, runtimeEntry } from './runtime-command.ts';
import { connectRuntime, probeRuntime } from './runtime-connection.ts';
import { Supervisor } from './supervisor.ts';

export interface NodeOptions {
  nodeName: string;
  directories: Directories;
  configuration: NodeConfiguration;
  cni: CniDirectories;
  log: Logger;
}

export interface StartOptions {
  /** Manifest files or directories. */
  manifests: string[];
  /** Runs each pod once on each of these handlers, whatever its runtimeClassName. */
  handlers?: string[];
  /** Handler of pods without a runtimeClassName; default that of the configuration. */
  defaultHandler: string | undefined;
  /** Image archives to be loaded before the pods start. */
  images: string[];
  /** Remove the root and run directories at the end if they were absent at the start. */
  ephemeral: boolean;
  signal: AbortSignal;
}

export interface StopOptions {
  /** Pods go on, for the next node with these directories to take over. */
  keep: boolean;
  /** Ends the pods without their grace periods. */
  hurry: AbortSignal;
}

const runtimeStartMs = 30_000;

/** One node: the runtimes of the configuration, started where it says how, and a kubelet that runs the pods of manifest files on them. */
export class Node {
  readonly #options: NodeOptions;
  /** What `stop` undoes besides the pods, in reverse order. */
  readonly #undo: (() => Promise<void> | void)[] = [];
  #kubelet: Kubelet | undefined;
  #guard: HostGuard | undefined;

  constructor(options: NodeOptions) {
    this.#options = options;
  }

  /** Resolves when the kubelet has begun with the pods. What was done before a failure is undone by `stop`. */
  async start({ manifests, handlers, defaultHandler, images, ephemeral, signal }: StartOptions): Promise<void> {
    const { directories, configuration, cni, log, nodeName } = this.#options;
    const handler = runtimeEntry(configuration, defaultHandler ?? configuration.defaultHandler).handler;
    await refuseSecondNode(directories);
    this.#guard = HostGuard.begin(directories, configuration.cni.bridge, ephemeral);
    if (configuration.cni.confDir === undefined) writeDefaultNetwork(configuration.cni, cni.confDir, directories.root);
    for (const image of images) await storeImages(directories.root).load(image);
    const traces = new PodTraces();
    const runtimes = await this.#startRuntimes(handler, traces, signal);
    const source = new ManifestSource({ paths: manifests, nodeName });
    this.#kubelet = new Kubelet({
      nodeName,
      run: directories.run,
      kubeletRoot: join(directories.root, 'kubelet'),
      podLogsDir: join(directories.root, 'logs/pods'),
      runtimes,
      defaultHandler: handler,
      runtimeClasses: Object.fromEntries([...runtimes.keys()].map((name) => [name, name])),
      sources: [handlers ? new HandlerSource(source, handlers) : source],
      ...(process.getuid?.() === 0 && { cgroupRoot: configuration.cgroupRoot }),
      runtimeRequestTimeoutMs: configuration.runtimeRequestTimeoutMs,
      traces,
      log,
    });
    await this.#kubelet.start();
  }

  /** Stops the pods gracefully, then the runtimes, and takes the host back to what it was. Gives a message for each thing left. */
  async stop({ keep, hurry }: StopOptions): Promise<string[]> {
    const left = (await this.#kubelet?.stop({ gracefully: !keep, hurry })) ?? [];
    for (const undo of this.#undo.splice(0).reverse()) await undo();
    if (!keep && left.length === 0) this.#guard?.end();
    return left;
  }

  pods(): Pod[] {
    return this.#kubelet?.pods() ?? [];
  }

  /** What the manifest files held that couldn't be made a pod: file, line and field. */
  sourceProblems(): string[] {
    return this.#kubelet?.sourceProblems() ?? [];
  }

  /** Whether every manifest has been read once. */
  sourcesReady(): boolean {
    return this.#kubelet?.sourcesReady() ?? false;
  }

  /** Calls `listener` whenever a pod's status may have changed, until the returned function is called. */
  onChange(listener: () => void): () => void {
    return this.#kubelet?.onStatus(listener) ?? (() => undefined);
  }

  /**
   * Connects every runtime of the configuration, and starts those with a command. Only the default one has to come up:
   * another may need what this host hasn't; it is left, and a pod that asks for it says so.
   */
  async #startRuntimes(defaultHandler: string, traces: PodTraces, signal: AbortSignal): Promise<Map<string, RuntimeClient>> {
    const { runtimes } = this.#options.configuration;
    const clients = new Map(runtimes.map((entry) => [entry.handler, this.#connect(entry, traces)]));
    const starts = runtimes
      .filter((entry) => entry.command)
      .map((entry) => this.#supervise(entry, entry.handler === defaultHandler, signal));
    const failed = (await Promise.allSettled(starts)).find((result) => result.status === 'rejected');
    if (failed) throw PluginError.from(failed.reason);
    return clients;
  }

  async #supervise(entry: RuntimeEntry, required: boolean, signal: AbortSignal): Promise<void> {
    const { directories, cni, log } = this.#options;
    const command = runtimeCommand(entry, directories, cni);
    const supervisor = new Supervisor(command, join(directories.root, 'logs'), log);
    this.#undo.push(() => supervisor.stop());
    supervisor.start();
    try {
      await supervisor.ready((limit) => probeRuntime(command.endpoint, AbortSignal.any([limit, signal])), runtimeStartMs);
    } catch (error) {
      if (required) throw error;
      await supervisor.stop();
      log.warn({ err: error }, `runtime ${entry.handler} is not available`);
    }
  }

  #connect(entry: RuntimeEntry, traces: PodTraces): RuntimeClient {
    const { directories, configuration } = this.#options;
    const endpoint = entry.endpoint ?? defaultEndpoint(directories, entry.handler);
    const connection = connectRuntime(endpoint, { tap: traces.tap(entry.handler), deadlineMs: configuration.runtimeRequestTimeoutMs });
    this.#undo.push(() => connection.close());
    const { runtime, images } = connection;
    return { handler: entry.handler, runtime, images, runtimeHandler: entry.runtimeHandler ?? '' };
  }
}
