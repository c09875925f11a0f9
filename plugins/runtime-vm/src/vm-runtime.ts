import { rm } from 'node:fs/promises';
import { availableParallelism, hostname } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import type { Client } from '@berth/sdk/connect';
import type { LinuxContainerResources } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import type { MachineMonitorService } from '@berth/sdk/machine-monitor';
import { CreateContainerRequest, ReadUsageRequest, ReopenLogRequest, UpdateContainerRequest } from '@berth/sdk/machine-monitor';
import type { Calls } from '@berth/shim/calls';
import { killedExitCode, signalNumber } from '@berth/shim/exit-code';
import { exists } from '@berth/shim/files/exists';
import { KeyedLock } from '@berth/shim/keyed-lock';
import type { OciConfig } from '@berth/shim/oci/config-json';
import { ExitEvents } from '@berth/shim/oci/exit-events';
import { ExitFiles, type ProcessExit } from '@berth/shim/oci/exit-files';
import { changeableLimits } from '@berth/shim/oci/resources';
import { describeContainer } from '@berth/shim/oci/spec';
import type {
  ContainerSpec,
  ExecProcess,
  Exit,
  Found,
  Known,
  ProcessStreams,
  Runtime,
  RuntimeEvent,
  RuntimeFeatures,
  RuntimeVersion,
  SandboxSpec,
  Usage,
} from '@berth/shim/runtime';
import type { Logger } from 'pino';
import { features, supported } from './features.ts';
import { type AcceleratorChoice, chooseAccelerator } from './machine/accelerator.ts';
import { guestContainerConfig, guestPauseConfig } from './machine/container-config.ts';
import { containerUsage } from './machine/container-usage.ts';
import { guestFacts } from './machine/guest-facts.ts';
import type { Accelerator, MachineParts } from './machine/machine-config.ts';
import { MachineDirectory } from './machine/machine-directory.ts';
import { findParts, qemuVersion } from './machine/machine-parts.ts';
import { type MachineSize, machineSize } from './machine/machine-size.ts';
import { Machines } from './machine/machines.ts';
import { recoverMachines } from './recovery.ts';

export interface VmRuntimeOptions {
  /** `RUN` of the shim: machines are below RUN/machines/HANDLER. */
  run: string;
  handler: string;
  /** Holds the guest's kernel, initial root file system and tools. */
  guestDirectory: string;
  accelerator: AcceleratorChoice;
  /** Of the machine of a pod without limits, and the least for any pod. */
  size: MachineSize;
  /** How long a guest may leave a ping unanswered before it counts as hung. */
  watchdogMs: number;
  calls: Calls;
  log: Logger;
}

/** What `prepare` finds out. */
interface Host {
  parts: MachineParts;
  accelerator: Accelerator;
}

/** Runtime whose pods are virtual machines of QEMU, each watched by a process of its own that outlives the shim. */
export class VmRuntime implements Runtime {
  readonly #options: VmRuntimeOptions;
  readonly #directory: string;
  readonly #machineDirectories: string;
  readonly #exits: ExitFiles;
  readonly #machines: Machines;
  readonly #events: ExitEvents;
  readonly #shareLocks = new KeyedLock();
  #host: Host | undefined;

  constructor(options: VmRuntimeOptions) {
    this.#options = options;
    this.#directory = join(options.run, 'machines', options.handler);
    this.#machineDirectories = join(this.#directory, 'of');
    this.#exits = new ExitFiles(join(this.#directory, 'exits'));
    this.#events = new ExitEvents({ exits: this.#exits, explain, log: options.log });
    this.#machines = new Machines({
      directory: this.#machineDirectories,
      log: options.log,
      endedUnasked: (sandboxId, message) => this.#events.sandboxGone(sandboxId, message),
    });
  }

  features(): RuntimeFeatures {
    return features;
  }

  async prepare(signal: AbortSignal): Promise<RuntimeVersion> {
    const { handler, guestDirectory, accelerator: choice, log } = this.#options;
    if (process.getuid?.() !== 0 || process.arch !== 'x64') {
      throw new PluginError('FAILED_PRECONDITION', 'it makes machines, which takes root on x86-64', {
        object: handler,
        hint: 'start it with sudo, or use --runtime fake',
      });
    }
    MachineDirectory.checkLength(this.#machineDirectories);
    const parts = await findParts(guestDirectory);
    const version = await qemuVersion(parts.qemu, signal);
    const accelerator = await chooseAccelerator(choice, parts, { record: join(this.#directory, 'kvm.json'), log, signal });
    await this.#events.open();
    this.#host = { parts, accelerator };
    log.info({ qemu: parts.qemu, version, accelerator }, 'QEMU ready');
    return { name: 'qemu', version, supported };
  }

  async createSandbox(sandbox: SandboxSpec, signal: AbortSignal): Promise<void> {
    const { parts, accelerator } = this.#ready();
    const { size, watchdogMs } = this.#options;
    const { config, id, sharedPid } = sandbox;
    const machineConfig = {
      id,
      parts,
      accelerator,
      size: machineSize(config, size, availableParallelism()),
      hostname: config.hostname || hostname(),
      sysctls: config.linux?.sysctls ?? {},
      exitDirectory: this.#exits.directory,
      watchdogMs,
    };
    await this.#record('boot', sandbox, () => this.#machines.start(sandbox, machineConfig, signal));
    if (sharedPid) await this.#holdSharedPid(sandbox, signal);
  }

  async stopSandbox(sandbox: SandboxSpec, signal: AbortSignal): Promise<void> {
    this.#events.unfollow(sandbox.id);
    await this.#record('shutdown', sandbox, () => this.#machines.remove(sandbox, signal));
    await this.#exits.remove(sandbox.id);
  }

  async createContainer(container: ContainerSpec, signal: AbortSignal): Promise<void> {
    const { id, sandbox, logPath = '' } = container;
    const { stdin } = container.config;
    const machine = this.#machines.of(sandbox);
    const config = await this.#shareLocks.hold(sandbox.id, signal, () => this.#shareFiles(container, signal));
    const request = { id, config: Buffer.from(JSON.stringify(config)), stdin, logPath, oomFile: oomFile(container) };
    await this.#record('create', container, () =>
      machine.call(describeContainer(container), signal, (monitor) => monitor.createContainer(request, { signal })),
    );
    await this.#events.followContainer(container);
  }

  async start(container: ContainerSpec, signal: AbortSignal): Promise<void> {
    await this.#record('start', container, () =>
      this.#ask(container, signal, (monitor) => monitor.startContainer({ id: container.id }, { signal })),
    );
  }

  async signal(container: ContainerSpec, posixSignal: string, signal: AbortSignal): Promise<void> {
    const request = { id: container.id, number: signalNumber(posixSignal) };
    await this.#unlessGone(container, signal, (monitor) => monitor.signalContainer(request, { signal }));
  }

  async exec(container: ContainerSpec, { args }: ExecProcess, streams: ProcessStreams, signal: AbortSignal): Promise<number> {
    const machine = this.#machines.of(container.sandbox);
    return this.#record('exec', container, () =>
      machine.exec({ container: container.id, args }, describeContainer(container), streams, signal),
    );
  }

  async attach(container: ContainerSpec, streams: ProcessStreams, signal: AbortSignal): Promise<void> {
    const { id, sandbox, config } = container;
    const request = { container: id, endsInput: config.stdinOnce };
    await this.#machines.of(sandbox).attach(request, describeContainer(container), streams, signal);
  }

  async reopenLog(container: ContainerSpec, signal: AbortSignal): Promise<void> {
    const request = ReopenLogRequest.create({ id: container.id });
    await this.#ask(container, signal, (monitor) => monitor.reopenLog(request, { signal }));
  }

  async dial(sandbox: SandboxSpec, port: number, signal: AbortSignal): Promise<Duplex> {
    return this.#machines.of(sandbox).dial(port, signal);
  }

  async usage(container: ContainerSpec, signal: AbortSignal): Promise<Usage | undefined> {
    const request = ReadUsageRequest.create({ id: container.id });
    const { usage } = await this.#ask(container, signal, (monitor) => monitor.readUsage(request, { signal }));
    return usage && containerUsage(usage, new Date());
  }

  async update(container: ContainerSpec, limits: LinuxContainerResources, signal: AbortSignal): Promise<void> {
    const resources = changeableLimits(limits, container.config.linux?.resources, guestFacts, describeContainer(container));
    const request = UpdateContainerRequest.create({ id: container.id, resources: Buffer.from(JSON.stringify(resources)) });
    await this.#record('update', container, () => this.#ask(container, signal, (monitor) => monitor.updateContainer(request, { signal })));
  }

  async removeContainer(container: ContainerSpec, signal: AbortSignal): Promise<void> {
    const { id, sandbox } = container;
    await this.#unlessGone(container, signal, (monitor) => monitor.removeContainer({ id }, { signal }));
    await this.#shareLocks.hold(sandbox.id, signal, () => this.#machines.shareOf(sandbox).removeRootfs(id, signal));
    await this.#exits.remove(id);
    await rm(oomFile(container), { force: true });
    this.#events.unfollow(id);
  }

  async removeSandbox(sandbox: SandboxSpec, signal: AbortSignal): Promise<void> {
    await this.stopSandbox(sandbox, signal);
  }

  async recover(known: Known, signal: AbortSignal): Promise<Found> {
    this.#ready();
    const found = await recoverMachines(known, { machines: this.#machines, exitOf: (container) => this.#events.exitOf(container) }, signal);
    await this.#machines.removeUnknown(known.sandboxes, signal);
    await this.#events.recover(known, found);
    return found;
  }

  events(signal: AbortSignal): AsyncIterable<RuntimeEvent> {
    return this.#events.read(signal);
  }

  /** Puts what the container sees of the host into the share, and gives its config.json. */
  async #shareFiles(container: ContainerSpec, signal: AbortSignal): Promise<OciConfig> {
    const share = this.#machines.shareOf(container.sandbox);
    const { mounted } = container.rootfs ?? {};
    if (mounted === undefined)
      throw new PluginError('FAILED_PRECONDITION', 'its root file system is not mounted', { object: describeContainer(container) });
    const volumes = new Map<string, string>();
    for (const { source, readonly } of container.mounts) volumes.set(source, await share.addVolume(source, readonly, signal));
    return guestContainerConfig(container, { rootfs: await share.addRootfs(container.id, mounted, signal), volumes });
  }

  /** Its end is that of the sandbox. */
  async #holdSharedPid(sandbox: SandboxSpec, signal: AbortSignal): Promise<void> {
    const { id } = sandbox;
    const config = Buffer.from(JSON.stringify(guestPauseConfig(sandbox)));
    await this.#machines.of(sandbox).call(`sandbox ${id.slice(0, 12)}`, signal, async (monitor) => {
      await monitor.createContainer(CreateContainerRequest.create({ id, config }), { signal });
      await monitor.startContainer({ id }, { signal });
    });
    await this.#events.followSandbox(sandbox);
  }

  #ready(): Host {
    if (this.#host) return this.#host;
    throw new PluginError('FAILED_PRECONDITION', 'prepare() has not succeeded', { object: this.#options.handler });
  }

  /** Asks the machine about a container of it. */
  async #ask<Result>(
    container: ContainerSpec,
    signal: AbortSignal,
    work: (monitor: Client<MachineMonitorService>) => Promise<Result>,
  ): Promise<Result> {
    return this.#machines.of(container.sandbox).call(describeContainer(container), signal, work);
  }

  /** What is asked of a machine that has ended is done. */
  async #unlessGone(
    container: ContainerSpec,
    signal: AbortSignal,
    work: (monitor: Client<MachineMonitorService>) => Promise<unknown>,
  ): Promise<void> {
    const machine = this.#machines.find(container.sandbox);
    await machine?.call(describeContainer(container), signal, work).catch((error: unknown) => {
      if (PluginError.from(error).code !== 'UNAVAILABLE') throw error;
    });
  }

  async #record<T>(method: string, about: SandboxSpec | ContainerSpec, work: () => Promise<T>): Promise<T> {
    const { calls, handler } = this.#options;
    const { id: sandboxId } = 'sandbox' in about ? about.sandbox : about;
    const subject = about.config.metadata?.name ?? about.id;
    return calls.record({ protocol: 'machine', plugin: handler, method, subject, sandboxId }, work);
  }
}

/** The guest's agent tells of the OOM killer with the exit, its monitor writes it down. */
async function explain(container: ContainerSpec, exit: ProcessExit): Promise<Exit> {
  const oom = exit.exitCode === killedExitCode && (await exists(oomFile(container)));
  return { ...exit, ...(oom && { reason: 'OOMKilled' }) };
}

function oomFile({ directory }: ContainerSpec): string {
  return join(directory, 'oom');
}
