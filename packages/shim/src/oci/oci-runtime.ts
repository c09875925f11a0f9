import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { LinuxContainerResources } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import type { Logger } from 'pino';
import type { Calls } from '../calls.ts';
import { cgroupUsage } from '../cgroup/cgroup-usage.ts';
import { describeContainer } from '../container/container.ts';
import { killedExitCode } from '../exit-code.ts';
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
import { RuntimeEvents } from '../runtime-events.ts';
import { UndoStack } from '../undo-stack.ts';
import { AppArmor } from './apparmor.ts';
import { assembleConfig } from './assemble-config.ts';
import { cdiDirectories as defaultCdiDirectories } from './cdi/registry.ts';
import { type CgroupDriver, cgroupDirectory, cgroupsPath, parentDirectory } from './cgroup-driver.ts';
import { writeCheckpoint } from './checkpoint.ts';
import { OciCommand } from './command.ts';
import type { OciConfig } from './config-json.ts';
import { Conmon, type MonitoredContainer } from './conmon.ts';
import { attachToConmon } from './conmon-attach.ts';
import { ConmonWatch } from './conmon-watch.ts';
import { Exec } from './exec.ts';
import { ExitFiles } from './exit-files.ts';
import { type HostFacts, readHostFacts } from './host-facts.ts';
import { bundled, MonitoredContainers } from './monitored.ts';
import { OciRecovery } from './oci-recovery.ts';
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
  readonly #events = new RuntimeEvents();
  readonly #known = new Map<string, ContainerSpec>();
  readonly #sandboxes = new Map<string, SandboxSpec>();
  readonly #removing = new Set<string>();
  readonly #said = new Set<string>();
  #parts: Parts | undefined;

  constructor(options: OciRuntimeOptions) {
    this.#options = options;
    this.#cgroupDriver = options.cgroupDriver ?? 'cgroupfs';
    this.#directory = join(options.run, 'oci', options.handler);
    this.#exits = new ExitFiles(join(this.#directory, 'exits'));
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
    await this.#exits.open(
      (id) => void this.#ended(id).catch((err: unknown) => this.#options.log.error({ err, containerId: id }, 'exit not told')),
    );
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
      await this.#sharedMemory.mount(sandbox, signal);
      if (sandbox.sharedPid) await pause.create(sandbox, signal);
      this.#sandboxes.set(sandbox.id, sandbox);
    } catch (error) {
      await undo.run();
      throw error;
    }
  }

  async stopSandbox(sandbox: SandboxSpec, signal: AbortSignal): Promise<void> {
    const { containers, pause } = this.#ready();
    this.#sandboxes.delete(sandbox.id);
    const own = [...this.#known.values()].filter((container) => container.sandbox.id === sandbox.id);
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
    await containers.create(monitored(container), this.#options.adapt?.(config, container) ?? config, signal);
    this.#known.set(container.id, container);
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
    this.#removing.add(container.id);
    try {
      await this.#ready().containers.remove(monitored(container), signal);
      this.#known.delete(container.id);
    } finally {
      this.#removing.delete(container.id);
    }
  }

  async removeSandbox(sandbox: SandboxSpec, signal: AbortSignal): Promise<void> {
    await this.stopSandbox(sandbox, signal);
    await rm(join(sandbox.directory, 'pause'), { recursive: true, force: true });
  }

  async recover(known: Known, signal: AbortSignal): Promise<Found> {
    const { recovery } = this.#ready();
    const found = await recovery.recover(known, signal);
    await this.#sharedMemory.unmountUnknown(known.sandboxes, signal);
    for (const container of known.containers) if (found.containers[container.id]) this.#known.set(container.id, container);
    for (const sandbox of known.sandboxes) if (found.sandboxes.includes(sandbox.id)) this.#sandboxes.set(sandbox.id, sandbox);
    // What ended between the look and the notes just made was told to nobody.
    await Promise.all((await this.#exits.ids()).map((id) => this.#ended(id)));
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
    const pid = await this.#ready().containers.pidOf(monitored(container));
    const ended = await this.#exits.read(container.id);
    return {
      ...(pid !== undefined && !ended && { pid }),
      bundle: container.directory,
      cgroup: this.#cgroupOf(container),
    };
  }

  async usage(container: ContainerSpec): Promise<Usage | undefined> {
    return cgroupUsage(this.#cgroupOf(container));
  }

  async sandboxUsage(sandbox: SandboxSpec): Promise<Usage | undefined> {
    const directory = parentDirectory(sandbox);
    return directory === undefined ? undefined : cgroupUsage(directory);
  }

  #assemble(binary: string, conmonBinary: string, facts: HostFacts): Parts {
    const { calls, createDeadlineMs, conmonWatchMs = 5000 } = this.#options;
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
    const exitOf = (container: ContainerSpec): Promise<Exit | undefined> => this.#exitOf(container, containers);
    return {
      facts,
      appArmor: new AppArmor(facts.appArmor, this.#directory),
      oci,
      containers,
      exec: new Exec(oci, calls),
      pause,
      conmonWatch: new ConmonWatch({ containers, watched: () => this.#watched(), log: this.#options.log, intervalMs: conmonWatchMs }),
      recovery: new OciRecovery({ oci, containers, pause, exits: this.#exits, exitOf }),
    };
  }

  async #pidNamespace({ pidTarget, sandbox }: ContainerSpec): Promise<string | undefined> {
    const { containers, pause } = this.#ready();
    if (pidTarget === undefined) return sandbox.sharedPid ? pause.namespace(sandbox) : undefined;
    const target = this.#known.get(pidTarget);
    const ended = target && (await this.#exits.read(pidTarget));
    const pid = target && !ended && (await containers.pidOf(monitored(target)));
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

  #watched(): MonitoredContainer[] {
    return [...this.#known.values()].filter(({ id }) => !this.#removing.has(id)).map(monitored);
  }

  async #ended(id: string): Promise<void> {
    const container = this.#known.get(id);
    const exit = container && (await this.#exitOf(container, this.#ready().containers));
    if (exit) {
      if (exit.reason === 'OOMKilled') this.#events.push({ type: 'oom', containerId: id });
      this.#events.push({ type: 'exited', containerId: id, exit });
    }
    if (this.#sandboxes.has(id) && (await this.#exits.read(id))) {
      this.#events.push({ type: 'sandboxGone', sandboxId: id, message: 'the process that holds its shared PID namespace has ended' });
    }
  }

  async #exitOf(container: ContainerSpec, containers: MonitoredContainers): Promise<Exit | undefined> {
    const exit = await this.#exits.read(container.id);
    if (!exit) return undefined;
    const killed = exit.exitCode === killedExitCode && (await containers.hadOom(monitored(container)));
    const lost = await containers.lostConmon(monitored(container));
    return { ...exit, ...(killed && { reason: 'OOMKilled' }), ...(lost && { message: lostExit }) };
  }

  #sayOnce(messages: string[]): void {
    for (const message of messages) {
      if (!this.#said.has(message)) this.#options.log.warn(message);
      this.#said.add(message);
    }
  }
}

const lostExit = 'its exit status was lost: conmon, which watches it, was killed';

function monitored(container: ContainerSpec): MonitoredContainer {
  const { stdin, stdinOnce, tty } = container.config;
  return { ...bundled(container), logPath: container.logPath, stdin, stdinOnce, tty };
}
