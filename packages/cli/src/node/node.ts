import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Pod } from '@berth/api/objects';
import type { PodOrigins } from '@berth/kubelet/configured-options';
import { readCredentialProviders } from '@berth/kubelet/credential-providers';
import { Kubelet, type KubeletOptions } from '@berth/kubelet/kubelet';
import { KubeletMetrics } from '@berth/kubelet/kubelet-metrics';
import { PodTraces } from '@berth/kubelet/pod-traces';
import type { RuntimeClient } from '@berth/kubelet/runtime-client';
import { PluginError } from '@berth/sdk/errors';
import type { Tap } from '@berth/sdk/tap';
import { ShimDirectories } from '@berth/shim/directories';
import type { Logger } from 'pino';
import { type Directories, defaultEndpoint } from '../configuration/directories.ts';
import type { NodeConfiguration, RuntimeEntry } from '../configuration/node-configuration.ts';
import { HostGuard } from '../host/host-guard.ts';
import { needsDefaultNetwork, writeDefaultNetwork } from './default-network.ts';
import { refuseSecondNode } from './other-node.ts';
import { type CniDirectories, runtimeCommand, runtimeEntry } from './runtime-command.ts';
import { connectRuntime } from './runtime-connection.ts';
import { SupervisedRuntime } from './supervised-runtime.ts';

export interface NodeOptions {
  nodeName: string;
  directories: Directories;
  configuration: NodeConfiguration;
  cni: CniDirectories;
  log: Logger;
}

export interface StartOptions {
  /** Where pods come from, and the objects that they refer to. */
  origins: PodOrigins;
  /** What the kubelet is told in place of what the node would tell it. */
  kubelet?: Partial<KubeletOptions>;
  /** Handler of pods without a runtimeClassName; default that of the configuration. */
  defaultHandler: string | undefined;
  /** Image archives to be loaded before the pods start. */
  images: string[];
  /** Remove the root and run directories at the end if they were absent at the start. */
  ephemeral: boolean;
  signal: AbortSignal;
}

export interface StopOptions {
  /** The pods end, and the host is taken back to what it was; else they go on, for the next node with these directories to take over. */
  removePods: boolean;
  /** The host shuts down: pods end by their priority, if that is configured, and stay as failed ones. */
  nodeShutsDown?: boolean;
  /** Ends the pods without their grace periods. */
  hurry: AbortSignal;
}

/** One node: the runtimes of the configuration, started where it says how, and a kubelet that runs pods on them. */
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
  async start({ origins, kubelet, defaultHandler, images, ephemeral, signal }: StartOptions): Promise<void> {
    const { directories, configuration, cni, log, nodeName } = this.#options;
    const handler = runtimeEntry(configuration, defaultHandler ?? configuration.defaultHandler).handler;
    await refuseSecondNode(directories);
    signal.throwIfAborted();
    const { bridge, subnet } = configuration.cni;
    const ownNetwork = configuration.cni.confDir === undefined && needsDefaultNetwork(cni.confDir);
    const cgroupRoot = kubelet?.cgroupRoot ?? configuration.cgroupRoot;
    this.#guard = HostGuard.begin(directories, { bridge, cgroupRoot, ephemeral, ...(ownNetwork && { subnet }) });
    if (ownNetwork) writeDefaultNetwork(configuration.cni, cni.confDir, directories.root);
    if (images.length > 0) await loadImages(directories.root, images, signal);
    const traces = new PodTraces();
    const metrics = new KubeletMetrics({ nodeName });
    const runtimes = await this.#startRuntimes(handler, (name) => metrics.runtimeOperations.around(traces.tap(name), name), signal);
    signal.throwIfAborted();
    this.#kubelet = new Kubelet({
      nodeName,
      run: directories.run,
      kubeletRoot: join(directories.root, 'kubelet'),
      podLogsDir: join(directories.root, 'logs/pods'),
      runtimes,
      defaultHandler: handler,
      runtimeClasses: configuration.runtimeClasses,
      ...(await credentialPlugins(configuration)),
      ...origins,
      ...(process.getuid?.() === 0 && { cgroupRoot: configuration.cgroupRoot }),
      runtimeRequestTimeoutMs: configuration.runtimeRequestTimeoutMs,
      traces,
      metrics,
      log,
      // Images may be nowhere else: none is removed unless a configuration says so.
      imageGc: { imageGCHighThresholdPercent: 100 },
      ...kubelet,
    });
    await this.#kubelet.start();
  }

  /**
   * Ends the pods if they are to be removed, then the runtimes, and takes the host back to what it was. What fails keeps nothing else from being
   * undone: gives a message for each thing that is left. Never throws.
   */
  async stop({ removePods, nodeShutsDown, hurry }: StopOptions): Promise<string[]> {
    const pods = await messages(async () => this.#kubelet?.stop({ removePods, nodeShutsDown, hurry }));
    const failures: string[] = [];
    for (const undo of this.#undo.splice(0).reverse()) failures.push(...(await messages(async () => void (await undo()))));
    const left = !removePods || pods.length > 0 ? pods : await messages(() => this.#sandboxesLeft());
    // What there is to undo is remembered as long as something of the node's is there.
    if (removePods && left.length === 0) failures.push(...(await messages(() => void this.#guard?.end())));
    return [...left, ...failures];
  }

  /** A message for each runtime of ours that still has sandboxes. */
  #sandboxesLeft(): string[] {
    const { configuration, directories } = this.#options;
    return configuration.runtimes.flatMap(({ handler }) => {
      const ids = new ShimDirectories(directories.root, directories.run, handler).sandboxIds();
      if (ids.length === 0) return [];
      return `runtime ${handler}: sandboxes are left: ${ids.join(', ')}; a node on the same directories takes them down`;
    });
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

  /** Connects every runtime of the configuration. Of those with a command only the default one is started, and any that has pods. */
  async #startRuntimes(defaultHandler: string, tapOf: (handler: string) => Tap, signal: AbortSignal): Promise<Map<string, RuntimeClient>> {
    const clients = this.#options.configuration.runtimes.map((entry) => this.#connect(entry, tapOf));
    await Promise.all(clients.map((client) => this.#startAtOnce(client, client.handler === defaultHandler, signal)));
    return new Map(clients.map((client) => [client.handler, client]));
  }

  /** Only the default runtime has to come up: another may need what this host hasn't, and the pods that ask for it say so. */
  async #startAtOnce({ handler, onDemand }: RuntimeClient, required: boolean, signal: AbortSignal): Promise<void> {
    const { root, run } = this.#options.directories;
    if (!required && new ShimDirectories(root, run, handler).sandboxIds().length === 0) return;
    try {
      await onDemand?.start(signal);
    } catch (error) {
      if (required) throw error;
      this.#options.log.warn({ err: error }, `runtime ${handler} is not available`);
    }
  }

  #supervise(entry: RuntimeEntry): SupervisedRuntime {
    const { directories, configuration, cni, log } = this.#options;
    const command = runtimeCommand(entry, directories, { cni, registry: configuration.registry });
    const runtime = new SupervisedRuntime(command, join(directories.root, 'logs'), log);
    this.#undo.push(() => runtime.stop());
    return runtime;
  }

  #connect(entry: RuntimeEntry, tapOf: (handler: string) => Tap): RuntimeClient {
    const { directories, configuration } = this.#options;
    const endpoint = entry.endpoint ?? defaultEndpoint(directories, entry.handler);
    const connection = connectRuntime(endpoint, {
      tap: tapOf(entry.handler),
      deadlineMs: configuration.runtimeRequestTimeoutMs,
      imageEndpoint: entry.imageEndpoint,
    });
    this.#undo.push(() => connection.close());
    const { runtime, images } = connection;
    const streamingCa = entry.streamingCAFile === undefined ? undefined : readAuthorities(entry.streamingCAFile);
    const onDemand = entry.command && this.#supervise(entry);
    return {
      handler: entry.handler,
      runtime,
      images,
      runtimeHandler: entry.runtimeHandler ?? '',
      ...(streamingCa !== undefined && { streamingCa }),
      ...(onDemand && { onDemand }),
    };
  }
}

/** The image store is a runtime's: a node that loads nothing keeps it out of its memory. */
async function loadImages(root: string, images: string[], signal: AbortSignal): Promise<void> {
  const { nodeStore } = await import('../images/node-store.ts');
  for (const image of images) await nodeStore(root).load(image, signal);
}

async function credentialPlugins({ imageCredentialProvider }: NodeConfiguration): Promise<Pick<KubeletOptions, 'credentialPlugins'>> {
  if (!imageCredentialProvider) return {};
  const { configPath, binDir } = imageCredentialProvider;
  return { credentialPlugins: { binDir, providers: await readCredentialProviders(configPath) } };
}

function readAuthorities(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw PluginError.from(error, 'INVALID_ARGUMENT', { object: `streamingCAFile ${path}` });
  }
}

/** What `work` says is left; if it fails, that. */
async function messages(work: () => Promise<string[] | undefined> | string[] | undefined): Promise<string[]> {
  try {
    return (await work()) ?? [];
  } catch (error) {
    return [PluginError.from(error).message];
  }
}
