import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { cgroupUsage } from '@berth/sdk/cgroup/cgroup-usage';
import type { LinuxContainerResources } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import type { Logger } from 'pino';
import type { Calls } from '../calls.ts';
import { describeContainer } from '../container/container.ts';
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
} from '../runtime.ts';
import { UndoStack } from '../undo-stack.ts';
import { AppArmor } from './apparmor.ts';
import { assembleConfig } from './assemble-config.ts';
import { cdiDirectories as defaultCdiDirectories } from './cdi/registry.ts';
import { type CgroupDriver, cgroupDirectory, cgroupsPath, parentDirectory } from './cgroup-driver.ts';
import { writeCheckpoint } from './checkpoint.ts';
import { OciCommand } from './command.ts';
import type { OciConfig } from './config-json.ts';
import { Conmon } from './conmon.ts';
import { attachToConmon } from './conmon-attach.ts';
import { ConmonWatch } from './conmon-watch.ts';
import { Exec } from './exec.ts';
import { ExitEvents } from './exit-events.ts';
import { ExitFiles, type ProcessExit } from './exit-files.ts';
import { type HostFacts, readHostFacts } from './host-facts.ts';
import { bundled, MonitoredContainers, monitored } from './monitored.ts';
import { OciRecovery } from './oci-recovery.ts';
import { OomKills } from './oom-kills.ts';
import { Pause } from './pause.ts';
import { identify } from './programs.ts';
import { changeableLimits } from './resources.ts';
import { SharedMemory } from './shared-memory.ts';
import { withheld } from './spec.ts';
import { supportedFields } from './supported-fields.ts';
import { checkSysctls } from './sysctls.ts';

export { cgroupDriver } from './cgroup-driver.ts';

export interface OciRuntimeOptions {
  /** An OCI runtime's name on PATH or absolute path: `runc`, `crun`. */
  binary: string;
  /** `RUN` of the shim: what a reboot ends is below RUN/oci/HANDLER. */
  run: string;
  handler: string;
  calls: Calls;
  log: Logger;
  /** Longest that making one container may take; default 60 seconds. */
  createDeadlineMs?: number;
  /** Has the last word on a container's config.json; what it throws fails CreateContainer. For runtimes that are an OCI runtime and more. */
  adapt?(config: OciConfig, container: ContainerSpec): OciConfig;
  /** Who makes cgroups; default `cgroupfs`. */
  cgroupDriver?: CgroupDriver;
  /** Where CDI specifications are; default /etc/cdi and /var/run/cdi. */
  cdiDirectories?: string[];
  /** How often it is looked whether the containers' conmons live; default 5 seconds. */
  conmonWatchMs?: number;
}

/** What `prepare` makes, and all else works with. */
interface Parts {
  facts: HostFacts;
  appArmor: AppArmor;
  oci: OciCommand;
  containers: MonitoredContainers;
  exec: Exec;
  pause: Pause;
  conmonWatch: ConmonWatch;
  recovery: OciRecovery;
}

/** Runtime over an OCI runtime's command line, each container watched by conmon, so that both outlive the shim. */
export class OciRuntime implements Runtime {
  readonly #options: OciRuntimeOptions;
  readonly #directory: string;
  readonly #cgroupDriver: CgroupDriver;
  readonly #exits: ExitFiles;
  readonly #sharedMemory: SharedMemory;
  readonly #events: ExitEvents;
  readonly #oomKills = new OomKills();
  readonly #said = new Set<string>();
  #parts: Parts | undefined;

  constructor(options: OciRuntimeOptions) {
    this.#options = options;
    this.#cgroupDriver = options.cgroupDriver ?? 'cgroupfs';
    this.#directory = join(options.run, 'oci', options.handler);
    this.#exits = new ExitFiles(join(this.#directory, 'exits'));
    this.#events = new ExitEvents({
      exits: this.#exits,
      explain: (container, exit) => this.#explain(container, exit),
      log: options.log,
    });
    this.#sharedMemory = new SharedMemory(join(this.#directory, 'shm'));
  }

  features(): RuntimeFeatures {
    return { rootfs: 'mounted', network: true, namespaces: true, interactive: true, refused: [], cgroupDriver: this.#cgroupDriver };
  }

  async prepare(signal: AbortSignal): Promise<RuntimeVersion> {
    if (process.getuid?.() !== 0) {
      throw new PluginError('PERMISSION_DENIED', 'it makes containers, which takes root', {
        object: this.#options.handler,
        hint: 'start it with sudo, or use --runtime fake',
      });
    }
    const [oci, conmon, facts] = await Promise.all([
      identify(this.#options.binary, 'makes containers', signal),
      identify('conmon', 'watches containers', signal),
      readHostFacts(this.#cgroupDriver),
    ]);
    await mkdir(join(this.#directory, 'state'), { recursive: true, mode: 0o700 });
    await mkdir(join(this.#directory, 'logs'), { recursive: true, mode: 0o700 });
    await this.#events.open();
    this.#parts = this.#assemble(oci.path, conmon.path, facts);
    const { unifiedCgroups } = facts;
    this.#options.log.info(
      { runtime: oci.path, version: oci.version, conmon: conmon.version, cgroups: unifiedCgroups ? 'v2' : 'v1' },
      'OCI runtime ready',
    );
    return { name: oci.name, version: oci.version, supported: await supportedFields(oci.path, signal) };
  }

  async createSandbox(sandbox: SandboxSpec, signal: AbortSignal): Promise<void> {
    const { pause } = this.#ready();
    checkSysctls(sandbox);
    // Throws for a parent in the form of the other driver, which else each of its containers would be refused for.
    cgroupsPath(this.#cgroupDriver, sandbox, sandbox.id);
    const undo = new UndoStack(this.#options.log);
    try {
      undo.add(`/dev/shm of sandbox ${sandbox.id}`, (limit) => this.#sharedMemory.unmount(sandbox, limit));
      await this.#sharedMemory.mount(sandbox);
      if (sandbox.sharedPid) await pause.create(sandbox, signal);
      await this.#events.followSandbox(sandbox);
    } catch (error) {
      await undo.run();
      throw error;
    }
  }

  async stopSandbox(sandbox: SandboxSpec, signal: AbortSignal): Promise<void> {
    const { containers, pause } = this.#ready();
    this.#events.unfollow(sandbox.id);
    const own = this.#events.containers().filter((container) => container.sandbox.id === sandbox.id);
    await Promise.all(own.map((container) => containers.end(monitored(container), signal)));
    await pause.remove(sandbox, signal);
    await this.#sharedMemory.unmount(sandbox, signal);
  }

  async createContainer(container: ContainerSpec, signal: AbortSignal): Promise<void> {
    const { containers, facts, appArmor } = this.#ready();
    const places = {
      sharedMemory: this.#sharedMemory.pathOf(container.sandbox),
      pidNamespace: await this.#pidNamespace(container),
      cdiDirectories: this.#options.cdiDirectories ?? defaultCdiDirectories,
    };
    const config = await assembleConfig(container, { facts, appArmor, ...places }, signal);
    this.#sayOnce(withheld(container, facts));
    this.#oomKills.follow(container.sandbox);
    await containers.create(monitored(container), this.#options.adapt?.(config, container) ?? config, signal);
    await this.#events.followContainer(container);
  }

  async start(container: ContainerSpec, signal: AbortSignal): Promise<void> {
    await this.#ready().containers.start(monitored(container), signal);
  }

  async signal(container: ContainerSpec, posixSignal: string, signal: AbortSignal): Promise<void> {
    await this.#ready().containers.signal(monitored(container), posixSignal, signal);
  }

  async exec(container: ContainerSpec, process: ExecProcess, streams: ProcessStreams, signal: AbortSignal): Promise<number> {
    return this.#ready().exec.run(monitored(container), process, streams, signal);
  }

  async attach(container: ContainerSpec, streams: ProcessStreams, signal: AbortSignal): Promise<void> {
    await attachToConmon(monitored(container), streams, signal);
  }

  async reopenLog(container: ContainerSpec, signal: AbortSignal): Promise<void> {
    await this.#ready().containers.reopenLog(monitored(container), signal);
  }

  async removeContainer(container: ContainerSpec, signal: AbortSignal): Promise<void> {
    await this.#ready().containers.remove(monitored(container), signal);
    this.#events.unfollow(container.id);
  }

  async removeSandbox(sandbox: SandboxSpec, signal: AbortSignal): Promise<void> {
    await this.stopSandbox(sandbox, signal);
    await rm(join(sandbox.directory, 'pause'), { recursive: true, force: true });
    this.#oomKills.forget(sandbox);
  }

  async recover(known: Known, signal: AbortSignal): Promise<Found> {
    const { recovery } = this.#ready();
    const found = await recovery.recover(known, signal);
    await this.#sharedMemory.unmountUnknown(known.sandboxes, signal);
    for (const sandbox of known.sandboxes) this.#oomKills.follow(sandbox);
    await this.#events.recover(known, found);
    return found;
  }

  events(signal: AbortSignal): AsyncIterable<RuntimeEvent> {
    void this.#ready().conmonWatch.run(signal);
    return this.#events.read(signal);
  }

  async update(container: ContainerSpec, resources: LinuxContainerResources, signal: AbortSignal): Promise<void> {
    const { containers, facts } = this.#ready();
    await containers.update(
      monitored(container),
      changeableLimits(resources, container.config.linux?.resources, facts, describeContainer(container)),
      signal,
    );
  }

  async checkpoint(container: ContainerSpec, location: string, signal: AbortSignal): Promise<void> {
    await writeCheckpoint(this.#ready().oci, container, monitored(container), location, signal);
  }

  async inspect(container: ContainerSpec): Promise<Record<string, unknown>> {
    const pid = await this.#ready().containers.runningPid(bundled(container));
    return { ...(pid !== undefined && { pid }), bundle: container.directory, cgroup: this.#cgroupOf(container) };
  }

  async usage(container: ContainerSpec): Promise<Usage | undefined> {
    return cgroupUsage(this.#cgroupOf(container));
  }

  /** conmon may have come too late to see an OOM kill. */
  async #explain(container: ContainerSpec, exit: ProcessExit): Promise<Exit> {
    const { containers } = this.#ready();
    if (this.#oomKills.struck(container.sandbox, this.#cgroupOf(container))) {
      await containers.noteOom(bundled(container)).catch((err: unknown) => this.#options.log.warn({ err }, 'an OOM kill was not noted'));
    }
    return containers.explain(bundled(container), exit);
  }

  async sandboxUsage(sandbox: SandboxSpec): Promise<Usage | undefined> {
    const directory = parentDirectory(sandbox);
    return directory === undefined ? undefined : cgroupUsage(directory);
  }

  #assemble(binary: string, conmonBinary: string, facts: HostFacts): Parts {
    const { calls, log, createDeadlineMs, conmonWatchMs = 5000 } = this.#options;
    const stateDirectory = join(this.#directory, 'state');
    const oci = new OciCommand({
      binary,
      stateDirectory,
      logDirectory: join(this.#directory, 'logs'),
      systemdCgroups: facts.cgroupDriver === 'systemd',
      calls,
    });
    const conmon = new Conmon({ binary: conmonBinary, exitDirectory: this.#exits.directory, createDeadlineMs, calls }, oci);
    const containers = new MonitoredContainers({ oci, conmon, exits: this.#exits, stateDirectory });
    const pause = new Pause(containers, facts);
    return {
      facts,
      appArmor: new AppArmor(facts.appArmor, this.#directory),
      oci,
      containers,
      exec: new Exec(oci, calls),
      pause,
      conmonWatch: new ConmonWatch({
        containers,
        watched: () => this.#events.containers().map(bundled),
        log: this.#options.log,
        intervalMs: conmonWatchMs,
      }),
      recovery: new OciRecovery({ oci, containers, pause, exitOf: (container) => this.#events.exitOf(container), log }),
    };
  }

  async #pidNamespace({ pidTarget, sandbox }: ContainerSpec): Promise<string | undefined> {
    const { containers, pause } = this.#ready();
    if (pidTarget === undefined) return sandbox.sharedPid ? pause.namespace(sandbox) : undefined;
    const target = this.#events.container(pidTarget);
    const pid = target && (await containers.runningPid(bundled(target)));
    if (pid) return `/proc/${pid}/ns/pid`;
    throw new PluginError('FAILED_PRECONDITION', 'it has ended, and its PID namespace with it', {
      object: `target container ${pidTarget.slice(0, 12)}`,
    });
  }

  #cgroupOf({ sandbox, id }: ContainerSpec): string {
    return cgroupDirectory(cgroupsPath(this.#cgroupDriver, sandbox, id));
  }

  #ready(): Parts {
    if (this.#parts) return this.#parts;
    throw new PluginError('FAILED_PRECONDITION', 'prepare() has not succeeded', { object: this.#options.handler });
  }

  #sayOnce(messages: string[]): void {
    for (const message of messages) {
      if (!this.#said.has(message)) this.#options.log.warn(message);
      this.#said.add(message);
    }
  }
}
