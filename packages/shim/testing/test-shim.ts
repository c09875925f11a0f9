import { once } from 'node:events';
import { readdirSync, realpathSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, connect } from '@berth/sdk/connect';
import {
  ContainerConfig,
  ContainerState,
  ImageServiceService,
  PodSandboxConfig,
  PullImageRequest,
  RuntimeServiceService,
} from '@berth/sdk/cri';
import { pino } from 'pino';
import type { Images } from '../src/image/images.ts';
import { NamedImages } from '../src/image/named.ts';
import type { RuntimeFeatures } from '../src/runtime.ts';
import type { RuntimePlugin } from '../src/runtime-plugin.ts';
import { type StartedShim, startShim } from '../src/start-shim.ts';
import { ProcessHost, ProcessRuntime } from './process-runtime.ts';
import { SmallDisk } from './small-disk.ts';

export interface TestShimOptions {
  features?: Partial<RuntimeFeatures>;
  images?: (root: string) => Images;
  /** Another than that of child processes. */
  runtime?: RuntimePlugin['runtime'];
  /** Files of the CNI configuration and plugin directories, made by the test below `root`. */
  cni?: (root: string) => Promise<{ confDir: string; binDir: string }>;
  /** Puts all that it keeps on a file system of 8 MB, see `disk`; needs root. */
  smallDisk?: boolean;
}

export const image = 'docker.io/library/busybox:latest';

type PodInput = Parameters<typeof PodSandboxConfig.fromPartial>[0];
type ContainerInput = Parameters<typeof ContainerConfig.fromPartial>[0];

/** A real server on a real socket, over child processes, with a root of its own; `close` leaves nothing. */
export class TestShim {
  readonly host = new ProcessHost();
  readonly directory: string;
  readonly runtime: Client<RuntimeServiceService>;
  readonly images: Client<ImageServiceService>;
  readonly disk: SmallDisk | undefined;
  readonly #options: TestShimOptions;
  readonly #address: string;
  #shim: StartedShim | undefined;

  static async start(options: TestShimOptions = {}): Promise<TestShim> {
    const shim = new TestShim(realpathSync(await mkdtemp(join(tmpdir(), 'berth-shim-'))), options);
    try {
      await shim.start();
      await shim.images.pullImage(PullImageRequest.fromPartial({ image: { image } }));
      return shim;
    } catch (error) {
      await shim.close();
      throw error;
    }
  }

  private constructor(directory: string, options: TestShimOptions) {
    this.directory = directory;
    this.disk = options.smallDisk ? new SmallDisk(directory) : undefined;
    this.#options = options;
    this.#address = `unix://${directory}/cri.sock`;
    this.runtime = connect(RuntimeServiceService, this.#address, { deadlineMs: 15_000 });
    this.images = connect(ImageServiceService, this.#address, { deadlineMs: 15_000 });
  }

  get root(): string {
    return join(this.directory, 'root');
  }

  get run(): string {
    return join(this.directory, 'run');
  }

  async start(): Promise<void> {
    const { features, images, cni, runtime = () => new ProcessRuntime(this.host, features) } = this.#options;
    const { confDir, binDir } = cni
      ? await cni(this.directory)
      : { confDir: join(this.directory, 'net.d'), binDir: join(this.directory, 'bin') };
    this.#shim = await startShim(
      {
        handler: 'process',
        runtime,
        images: () => images?.(this.root) ?? new NamedImages(join(this.root, 'images')),
      },
      {
        options: { listen: this.#address, root: this.root, run: this.run, handler: 'process', cniConfDir: confDir, cniBinDirs: [binDir] },
        flags: {},
        log: pino({ level: 'silent' }),
      },
    );
  }

  async stop(): Promise<void> {
    await this.#shim?.close();
    this.#shim = undefined;
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  async close(): Promise<void> {
    this.runtime.close();
    this.images.close();
    await this.stop();
    this.host.dispose();
    this.disk?.unmount();
    await rm(this.directory, { recursive: true, force: true });
  }

  async runPod(config: PodInput = {}, options: { signal?: AbortSignal; deadlineMs?: number } = {}): Promise<string> {
    const { podSandboxId } = await this.runtime.runPodSandbox({ config: podConfig(config), runtimeHandler: '' }, options);
    return podSandboxId;
  }

  async createContainer(podSandboxId: string, config: ContainerInput = {}, options: { deadlineMs?: number } = {}): Promise<string> {
    const request = { podSandboxId, config: containerConfig(config), sandboxConfig: undefined };
    return (await this.runtime.createContainer(request, options)).containerId;
  }

  /** A started container. */
  async runContainer(podSandboxId: string, config: ContainerInput = {}): Promise<string> {
    const containerId = await this.createContainer(podSandboxId, config);
    await this.runtime.startContainer({ containerId });
    return containerId;
  }

  async containerStatus(containerId: string) {
    const { status } = await this.runtime.containerStatus({ containerId, verbose: false });
    if (!status) throw new Error('no status');
    return status;
  }

  async podStatus(podSandboxId: string) {
    const { status } = await this.runtime.podSandboxStatus({ podSandboxId, verbose: false });
    if (!status) throw new Error('no status');
    return status;
  }

  /** The container's status once it has ended by itself. */
  async exited(containerId: string) {
    const { child } = this.host.containers.get(containerId) ?? {};
    if (child && child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    for (;;) {
      const status = await this.containerStatus(containerId);
      if (status.state === ContainerState.CONTAINER_EXITED) return status;
      await new Promise(setImmediate);
    }
  }

  /** Names in the test's own directory. */
  files(): string[] {
    return readdirSync(this.directory);
  }

  /** Folders of objects on disk, the runtime's objects, and namespaces: what a failure must not leave. */
  leftovers(): string[] {
    const objects = join(this.root, 'runtimes', 'process');
    return [
      ...entries(join(objects, 'sandboxes')),
      ...entries(join(objects, 'containers')),
      ...entries(join(this.run, 'namespaces', 'process')),
      ...entries(join(this.root, 'images', 'users')),
      ...this.host.sandboxes.keys(),
      ...this.host.containers.keys(),
    ];
  }
}

function entries(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

export function podConfig(config: PodInput = {}): PodSandboxConfig {
  return PodSandboxConfig.fromPartial({
    metadata: { name: 'web', namespace: 'default', uid: 'uid-1', attempt: 0 },
    hostname: 'web',
    ...config,
  });
}

export function containerConfig(config: ContainerInput = {}): ContainerConfig {
  return ContainerConfig.fromPartial({ metadata: { name: 'main' }, image: { image }, command: ['sleep', '600'], ...config });
}

/** Why tests of mounts and namespaces are skipped, or false. */
export const withoutRoot = process.platform !== 'linux' || process.getuid?.() !== 0 ? 'mounts and namespaces need root on Linux' : false;
