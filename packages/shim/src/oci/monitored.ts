import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { killedExitCode } from '../exit-code.ts';
import { exists } from '../files/exists.ts';
import { pidIn } from '../process/owned-pid.ts';
import type { ContainerSpec, Exit } from '../runtime.ts';
import { cgroupDirectory } from './cgroup-driver.ts';
import type { OciCommand, Subject } from './command.ts';
import type { OciConfig, OciResources } from './config-json.ts';
import type { Conmon, MonitoredContainer } from './conmon.ts';
import { executableOf, untilExecve } from './executable.ts';
import type { ExitFiles, ProcessExit } from './exit-files.ts';
import { removeCgroup } from './remove-cgroup.ts';

/** A container in a bundle of its own. */
export type BundledContainer = Subject & { bundle: string };

export function bundled({ id, config, sandbox, directory }: ContainerSpec): BundledContainer {
  return { id, name: config.metadata?.name ?? id, sandboxId: sandbox.id, bundle: directory };
}

export function monitored(container: ContainerSpec): MonitoredContainer {
  const { stdin, stdinOnce, tty } = container.config;
  return { ...bundled(container), logPath: container.logPath, stdin, stdinOnce, tty };
}

/** Longest that a killed process may take to be gone. */
const killDeadlineMs = 10_000;

/** By then conmon has usually reported the end of a killed process; if not, it is looked whether conmon lives. */
const reportDeadlineMs = 2000;

/** Longest that taking away what a failed creation left may take. */
const cleanUpDeadlineMs = 30_000;

/** In the bundle of a container whose end no conmon reported. */
const lostConmonFile = 'conmon.lost';
const lostExit = 'its exit status was lost: conmon, which watches it, was killed';

/** Containers of an OCI runtime under conmon's watch, from their config.json to their removal. */
export class MonitoredContainers {
  readonly #oci: OciCommand;
  readonly #conmon: Conmon;
  readonly #exits: ExitFiles;
  readonly #stateDirectory: string;
  readonly #removing = new Set<string>();

  constructor({ oci, conmon, exits, stateDirectory }: { oci: OciCommand; conmon: Conmon; exits: ExitFiles; stateDirectory: string }) {
    this.#oci = oci;
    this.#conmon = conmon;
    this.#exits = exits;
    this.#stateDirectory = stateDirectory;
  }

  /** Makes a container up to `start`; nothing of it is left if that fails. Gives the pid of its first process. */
  async create(container: MonitoredContainer, config: OciConfig, signal: AbortSignal): Promise<number> {
    await mkdir(container.bundle, { recursive: true, mode: 0o700 });
    await writeFile(join(container.bundle, 'config.json'), JSON.stringify(config), { mode: 0o600 });
    try {
      return await this.#conmon.create(container, signal);
    } catch (error) {
      // The caller's signal may be what failed. What can't be removed here is removed with the container, by its owner.
      await this.remove(container, AbortSignal.timeout(cleanUpDeadlineMs)).catch(() => undefined);
      throw error;
    }
  }

  /** Resolves when the first process has executed its program: the OCI runtime's command may end earlier, and a signal would still be its own. */
  async start(container: BundledContainer, signal: AbortSignal): Promise<void> {
    const pid = await this.pidOf(container);
    const executable = pid === undefined ? undefined : await executableOf(pid);
    await this.#oci.start(container, signal);
    if (pid !== undefined && executable !== undefined) await untilExecve(pid, executable, signal);
  }

  /** Sets limits of a created or running container; those that `resources` leaves out stay. */
  async update(container: BundledContainer, resources: Omit<OciResources, 'devices'>, signal: AbortSignal): Promise<void> {
    const file = join(container.bundle, 'resources.json');
    await writeFile(file, JSON.stringify(resources), { mode: 0o600 });
    try {
      await this.#oci.update(container, file, signal);
    } finally {
      await rm(file, { force: true });
    }
  }

  /** Signals the first process; one that has ended, or is missing, is no error. */
  async signal(container: BundledContainer, posixSignal: string, signal: AbortSignal): Promise<void> {
    if (!(await this.exists(container.id)) || (await this.#exits.read(container.id))) return;
    const signalled = await this.#oci.kill(container, posixSignal, signal);
    if (signalled && posixSignal !== 'SIGKILL') return;
    const reported = (await this.isWatched(container)) && ((await this.#endsSoon(container, signal)) || (await this.isWatched(container)));
    if (!reported) await this.#endUnwatched(container, signal);
  }

  /** As Runtime.reopenLog. */
  async reopenLog(container: MonitoredContainer, signal: AbortSignal): Promise<void> {
    await this.#conmon.reopenLog(container, signal);
  }

  /** Kills what still runs and resolves when it has ended. */
  async end(container: BundledContainer, signal: AbortSignal): Promise<ProcessExit | undefined> {
    await this.signal(container, 'SIGKILL', signal);
    if (!(await this.exists(container.id))) return this.#exits.read(container.id);
    return this.#exits.wait(container.id, AbortSignal.any([signal, AbortSignal.timeout(killDeadlineMs)]));
  }

  /** Takes away whatever there is of the container, running or not. Its bundle stays the caller's. */
  async remove(container: BundledContainer, signal: AbortSignal): Promise<void> {
    this.#removing.add(container.id);
    try {
      await this.#remove(container, signal);
    } finally {
      this.#removing.delete(container.id);
    }
  }

  /** Whether the OCI runtime knows it. */
  async exists(id: string): Promise<boolean> {
    return exists(join(this.#stateDirectory, id));
  }

  async isWatched({ id, bundle }: Pick<BundledContainer, 'id' | 'bundle'>): Promise<boolean> {
    return this.#conmon.isAlive(id, bundle);
  }

  /** Whether it has been made, hasn't ended, isn't being removed, and nobody would report its end. */
  async isUnwatched(container: BundledContainer): Promise<boolean> {
    if (this.#removing.has(container.id)) return false;
    // Asked first: once conmon has ended, what it has written is final.
    if (await this.isWatched(container)) return false;
    return (await this.exists(container.id)) && !(await this.#exits.read(container.id));
  }

  /** What the bundle tells of an end: whether the kernel's OOM killer struck, as conmon noticed, and whether conmon had died. */
  async explain({ bundle }: Pick<BundledContainer, 'bundle'>, exit: ProcessExit): Promise<Exit> {
    const killed = exit.exitCode === killedExitCode && (await exists(join(bundle, 'oom')));
    const lost = await exists(join(bundle, lostConmonFile));
    return { ...exit, ...(killed && { reason: 'OOMKilled' }), ...(lost && { message: lostExit }) };
  }

  /** Takes down an OOM kill as conmon does. */
  async noteOom({ bundle }: Pick<BundledContainer, 'bundle'>): Promise<void> {
    await writeFile(join(bundle, 'oom'), '', { mode: 0o600 });
  }

  /** The pid of the first process; it is that process's only while the container runs. */
  async pidOf({ bundle }: Pick<BundledContainer, 'bundle'>): Promise<number | undefined> {
    return pidIn(join(bundle, 'container.pid'));
  }

  /** As `pidOf`; undefined for a container that has ended. */
  async runningPid(container: BundledContainer): Promise<number | undefined> {
    const pid = await this.pidOf(container);
    return (await this.#exits.read(container.id)) ? undefined : pid;
  }

  async #remove(container: BundledContainer, signal: AbortSignal): Promise<void> {
    // A container that conmon doesn't report within the deadline goes the hard way: `delete --force` kills it too.
    if (await this.isWatched(container)) await this.end(container, signal).catch(() => signal.throwIfAborted());
    if (await this.exists(container.id)) await this.#oci.delete(container, signal);
    else await rm(this.#oci.logFile(container.id), { force: true });
    await this.#conmon.end(container.id, container.bundle);
    if (!(await this.#exits.read(container.id))) await this.#removeUnfinished(container, signal);
    await this.#exits.remove(container.id);
  }

  /** Whether conmon reports the end of a killed process; it may have been killed along with it. */
  async #endsSoon({ id }: BundledContainer, signal: AbortSignal): Promise<boolean> {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(reportDeadlineMs)]);
    return this.#exits.wait(id, limit).then(
      () => true,
      () => {
        signal.throwIfAborted();
        return false;
      },
    );
  }

  /** One that never ran has no exit file, and perhaps cgroups that its OCI runtime doesn't know of. */
  async #removeUnfinished({ bundle }: BundledContainer, signal: AbortSignal): Promise<void> {
    const config = await writtenConfig(bundle);
    if (config) await removeCgroup(cgroupDirectory(config.linux.cgroupsPath), signal);
  }

  /** Nobody reports the end of a container whose conmon has died: `delete` kills it and waits, and the exit file is written here. */
  async #endUnwatched(container: BundledContainer, signal: AbortSignal): Promise<void> {
    if (await this.#exits.read(container.id)) return;
    await this.#oci.delete(container, signal);
    await writeFile(join(container.bundle, lostConmonFile), '');
    await this.#exits.write(container.id, killedExitCode);
  }
}

/** Undefined without one, or for one whose writer was killed in its middle: no OCI runtime has been given that. */
async function writtenConfig(bundle: string): Promise<OciConfig | undefined> {
  try {
    return JSON.parse(await readFile(join(bundle, 'config.json'), 'utf8')) as OciConfig;
  } catch {
    return undefined;
  }
}
