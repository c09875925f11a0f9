import { mkdir, readdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { PluginError } from '@berth/sdk/errors';
import { writeJson } from '@berth/shim/files/json-file';
import type { SandboxSpec } from '@berth/shim/runtime';
import { UndoStack } from '@berth/shim/undo-stack';
import type { Logger } from 'pino';
import { joinNetwork, leaveNetwork } from '../network/machine-network.ts';
import { MachineClient } from './machine-client.ts';
import type { MachineConfig } from './machine-config.ts';
import { MachineDirectory } from './machine-directory.ts';
import { endProcesses } from './machine-processes.ts';
import { startMonitor } from './monitor-process.ts';
import { Share } from './share.ts';

interface MachinesOptions {
  /** Holds a folder for each machine; a reboot clears it. */
  directory: string;
  log: Logger;
  /** Told why a machine has ended by itself. */
  endedUnasked(sandboxId: string, message: string): void;
}

/** The machines of one handler: making them, taking up those that an earlier shim made, taking them away. */
export class Machines {
  readonly #options: MachinesOptions;
  readonly #clients = new Map<string, MachineClient>();

  constructor(options: MachinesOptions) {
    this.#options = options;
  }

  /** Makes a sandbox's machine up to the point where containers can be made in it. A failure leaves nothing. */
  async start(sandbox: SandboxSpec, config: Omit<MachineConfig, 'network'>, signal: AbortSignal): Promise<void> {
    const directory = this.#directoryOf(sandbox);
    const share = new Share(directory);
    const { network } = sandbox.namespaces;
    const undo = new UndoStack(this.#options.log);
    try {
      undo.add(`machine of sandbox ${sandbox.id}`, (limit) => this.remove(sandbox, limit));
      await mkdir(directory.path, { recursive: true, mode: 0o700 });
      await share.make(config.parts.tools, signal);
      const joined = network === undefined ? undefined : await joinNetwork(network, directory.path, signal);
      await writeJson(directory.config, { ...config, network: joined } satisfies MachineConfig);
      await startMonitor(directory, signal);
      this.takeUp(sandbox, new MachineClient(directory));
    } catch (error) {
      await undo.run();
      throw error;
    }
  }

  /** Of a sandbox whose machine was started here or has been taken up. */
  of({ id }: SandboxSpec): MachineClient {
    const client = this.#clients.get(id);
    if (client) return client;
    throw new PluginError('FAILED_PRECONDITION', 'its machine has ended', { object: `sandbox ${id.slice(0, 12)}` });
  }

  find({ id }: SandboxSpec): MachineClient | undefined {
    return this.#clients.get(id);
  }

  shareOf(sandbox: SandboxSpec): Share {
    return new Share(this.#directoryOf(sandbox));
  }

  /** Connects to a machine that an earlier shim made, whether or not it still runs. */
  visit(sandbox: SandboxSpec): MachineClient {
    return new MachineClient(this.#directoryOf(sandbox));
  }

  /** Takes up a machine that runs: from now on `of` gives it, and its end is told. */
  takeUp({ id }: SandboxSpec, client: MachineClient): void {
    this.#clients.set(id, client);
    void client.endedUnasked().then((message) => {
      if (message === undefined) return;
      this.#clients.delete(id);
      client.close();
      this.#options.endedUnasked(id, message);
    });
  }

  /** Ends a machine and takes away what it consists of on the host. One that isn't there is no error. */
  async remove(sandbox: SandboxSpec, signal: AbortSignal): Promise<void> {
    const client = this.#clients.get(sandbox.id) ?? this.visit(sandbox);
    this.#clients.delete(sandbox.id);
    await client.shutDown(signal);
    const { network } = sandbox.namespaces;
    await removeParts(client.directory, signal);
    if (network !== undefined) await leaveNetwork(network, signal);
  }

  /** Those that belong to none of the known sandboxes. */
  async removeUnknown(known: SandboxSpec[], signal: AbortSignal): Promise<void> {
    const names = await readdir(this.#options.directory).catch(() => []);
    const expected = new Set(known.map((sandbox) => basename(this.#directoryOf(sandbox).path)));
    for (const name of names.filter((each) => !expected.has(each))) {
      await removeParts(new MachineDirectory(join(this.#options.directory, name)), signal);
    }
  }

  #directoryOf({ id }: SandboxSpec): MachineDirectory {
    return MachineDirectory.of(this.#options.directory, id);
  }
}

async function removeParts(directory: MachineDirectory, signal: AbortSignal): Promise<void> {
  await endProcesses(directory);
  await new Share(directory).remove(signal);
  await rm(directory.path, { recursive: true, force: true });
}
