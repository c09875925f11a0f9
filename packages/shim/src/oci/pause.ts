import { chown, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { PluginError } from '@berth/sdk/errors';
import type { SandboxSpec } from '../runtime.ts';
import { describeSandbox } from '../sandbox/sandbox.ts';
import { rootOf } from '../sandbox/user-namespace.ts';
import type { MonitoredContainer } from './conmon.ts';
import type { HostFacts } from './host-facts.ts';
import type { MonitoredContainers } from './monitored.ts';
import { locate } from './programs.ts';
import { seccompChoice, seccompFilter } from './seccomp.ts';
import { pauseConfig } from './spec.ts';

/** The process that holds a sandbox's shared PID namespace and reaps its orphans: `catatonit -P`, a container named by the sandbox's id. */
export class Pause {
  readonly #containers: MonitoredContainers;
  readonly #facts: HostFacts;

  constructor(containers: MonitoredContainers, facts: HostFacts) {
    this.#containers = containers;
    this.#facts = facts;
  }

  async create(sandbox: SandboxSpec, signal: AbortSignal): Promise<void> {
    const executable = await locate('catatonit', 'holds the PID namespace that the containers of a pod share');
    const container = pauseContainer(sandbox);
    const object = describeSandbox(sandbox);
    const context = sandbox.config.linux?.securityContext;
    const root = join(container.bundle, 'rootfs');
    await mkdir(root, { recursive: true, mode: 0o755 });
    const owner = sandbox.idMappings && rootOf(sandbox.idMappings);
    if (owner) await chown(root, owner.uid, owner.gid);
    const { seccompArchitectures, cgroupDriver } = this.#facts;
    // Containers of the pod can trace it, and would do by it what their own filter forbids: so it has one in privileged pods too.
    const choice = seccompChoice({ seccompProfilePath: '', seccomp: undefined, ...context, privileged: false }, object);
    const seccomp = await seccompFilter(choice, [], seccompArchitectures, object);
    await this.#containers.create(container, pauseConfig({ sandbox, root, executable, cgroupDriver, seccomp }), signal);
    try {
      await this.#containers.start(container, signal);
    } catch (error) {
      await this.#containers.remove(container, AbortSignal.timeout(30_000)).catch(() => undefined);
      throw error;
    }
  }

  /** Path of the PID namespace to be joined. */
  async namespace(sandbox: SandboxSpec): Promise<string> {
    const container = pauseContainer(sandbox);
    const pid = (await this.#containers.isWatched(container)) ? await this.#containers.pidOf(container) : undefined;
    if (pid !== undefined) return `/proc/${pid}/ns/pid`;
    throw new PluginError('FAILED_PRECONDITION', 'the process that holds its shared PID namespace has ended', {
      object: `sandbox ${sandbox.id.slice(0, 12)}`,
      hint: 'remove the sandbox and make a new one',
    });
  }

  /** A sandbox without one is no error. */
  async remove(sandbox: SandboxSpec, signal: AbortSignal): Promise<void> {
    if (sandbox.sharedPid) await this.#containers.remove(pauseContainer(sandbox), signal);
  }

  /** Whether the sandbox's PID namespace is held, or it shares none. */
  async isHeld(sandbox: SandboxSpec): Promise<boolean> {
    return !sandbox.sharedPid || this.#containers.isWatched(pauseContainer(sandbox));
  }
}

function pauseContainer({ id, directory }: SandboxSpec): MonitoredContainer {
  return {
    id,
    name: 'pause',
    sandboxId: id,
    bundle: join(directory, 'pause'),
    logPath: undefined,
    stdin: false,
    stdinOnce: false,
    tty: false,
  };
}
