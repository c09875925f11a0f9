import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CgroupDriver, RuntimeConfigRequest, RuntimeConfigResponse } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import type { DependencyContainer } from 'tsyringe';
import { tokens } from '../compose.ts';
import type { NodeConfiguration } from '../configuration/node-configuration.ts';
import { HostGuard } from '../host/host-guard.ts';
import { writeDefaultNetwork } from '../node/default-network.ts';
import { runtimeCommand, runtimeEntry } from '../node/runtime-command.ts';
import { connectRuntime, probeRuntime } from '../node/runtime-connection.ts';
import { Supervisor } from '../node/supervisor.ts';

/** An emulated machine takes half a minute where its host has more to do. */
const startLimitMs = 120_000;

const callLimitMs = 30_000;

/** A runtime of berth.yaml on directories of its own, for the time of one run; the host is taken back after it. */
export class StartedRuntime {
  readonly endpoint: string;
  readonly #supervisor: Supervisor;
  readonly #guard: HostGuard;
  readonly #directory: string;

  private constructor(supervisor: Supervisor, guard: HostGuard, directory: string) {
    this.endpoint = supervisor.command.endpoint;
    this.#supervisor = supervisor;
    this.#guard = guard;
    this.#directory = directory;
  }

  static async start(container: DependencyContainer, handler: string, signal: AbortSignal): Promise<StartedRuntime> {
    const configuration = container.resolve(tokens.configuration);
    const entry = runtimeEntry(configuration, handler);
    const directory = mkdtempSync(join(tmpdir(), 'berth-conform-'));
    // Root of a pod with a user namespace, who is nobody here, has to pass through it to its files.
    chmodSync(directory, 0o711);
    const directories = { root: join(directory, 'root'), run: join(directory, 'run') };
    const network = ownNetwork(configuration.cni);
    const guard = HostGuard.begin(directories, { bridge: network.bridge, subnet: network.subnet, ephemeral: true });
    const cni = { ...container.resolve(tokens.cni), confDir: configuration.cni.confDir ?? join(directories.root, 'cni/net.d') };
    const endpoint = `unix://${join(directory, `${handler}.sock`)}`;
    const command = runtimeCommand(entry, directories, { cni, registry: configuration.registry }, endpoint);
    const supervisor = new Supervisor(command, join(directory, 'logs'), container.resolve(tokens.log));
    const started = new StartedRuntime(supervisor, guard, directory);
    try {
      if (configuration.cni.confDir === undefined) writeDefaultNetwork(network, cni.confDir, directories.root);
      supervisor.start();
      await supervisor.ready((limit) => probeRuntime(endpoint, AbortSignal.any([limit, signal])), startLimitMs);
      return started;
    } catch (error) {
      await started.stop();
      throw error;
    }
  }

  /** A cgroup parent that nobody else has, in the form of its cgroup driver; undefined where this process can't make cgroups. */
  async cgroupParent(signal: AbortSignal): Promise<string | undefined> {
    if (process.platform !== 'linux' || process.getuid?.() !== 0) return undefined;
    const connection = connectRuntime(this.endpoint, { deadlineMs: callLimitMs });
    try {
      const { linux } = await connection.runtime.runtimeConfig(RuntimeConfigRequest.create(), { signal }).catch(unlessUnimplemented);
      return linux?.cgroupDriver === CgroupDriver.SYSTEMD ? `berthconform${process.pid}.slice` : `/berth-conform-${process.pid}`;
    } finally {
      connection.close();
    }
  }

  /** Kills its process as a crash would; it is started again. */
  async crash(): Promise<void> {
    await this.#supervisor.crash();
  }

  /** Ends it; its pods have been removed before. */
  async stop(): Promise<void> {
    await this.#supervisor.stop();
    this.#guard.end();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

/** Another bridge and subnet than a node's that may run beside it, whose addresses it knows nothing of. */
function ownNetwork(cni: NodeConfiguration['cni']): NodeConfiguration['cni'] {
  return { ...cni, bridge: `berthc${process.pid % 1_000_000}`, subnet: `10.86.${process.pid % 256}.0/24` };
}

/** A server from before RuntimeConfig makes cgroups by paths, unless it was told otherwise. */
function unlessUnimplemented(error: unknown): RuntimeConfigResponse {
  if (PluginError.from(error).code === 'UNIMPLEMENTED') return RuntimeConfigResponse.create();
  throw error;
}
