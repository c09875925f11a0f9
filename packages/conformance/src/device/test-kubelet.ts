import { EventEmitter, once } from 'node:events';
import { lstat, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { kubeletSocket } from '@berth/sdk/device/constants';
import { PluginError } from '@berth/sdk/errors';
import { type CallContext, type Served, type ServedService, serve } from '@berth/sdk/serve';
import { outsideScopes } from '../case-scope.ts';
import { definitionOf } from '../covered-client.ts';
import type { CoverageRecord } from '../rpc-coverage.ts';
import type { RegisterRequest } from './messages.ts';
import { deviceProtocol, registerRpc } from './protocol.ts';
import { leavePlugin, reachPlugin, type ServedPlugin } from './served-plugin.ts';

/** What the kubelet does with a plugin that registers. */
export type RegisterAnswer = 'accepts' | 'refuses' | 'hangs';

/** A call of Register. */
export interface Registration {
  request: RegisterRequest;
  /** What served at its endpoint while Register waited for the answer. */
  plugin?: ServedPlugin;
  /** Why nothing did. */
  problem?: string;
}

/** What is wrong with a registration that has a problem. */
export function faultOf({ request, problem }: Registration): string {
  return `${JSON.stringify(request.endpoint)}, the endpoint that it registered, does not serve: ${problem}`;
}

export interface KubeletParts {
  /** The directory for device plugins. */
  directory: string;
  coverage: CoverageRecord;
  /** How long it waits for the plugin to serve before it answers Register. */
  dialMs: number;
}

interface KubeletBeginning {
  answer?: RegisterAnswer;
  /** Kubelets remove all sockets when they begin. */
  keepsSockets?: boolean;
}

/**
 * The kubelet's side of registration, in the order of its own (kubernetes:pkg/kubelet/cm/devicemanager/plugin/v1beta1/server.go), but that a request that
 * it would refuse is taken, and that all are kept, for the cases to judge.
 */
export class TestKubelet {
  /** All that came and were answered, in their order. */
  readonly registrations: Registration[] = [];
  readonly #parts: KubeletParts;
  readonly #changes = new EventEmitter().setMaxListeners(0);
  #served: Served | undefined;
  #answer: RegisterAnswer;
  /** Calls of Register that came, answered or not. */
  #calls = 0;
  /** Ends the dials of all that are about to register. */
  #letGo = new AbortController();

  private constructor(parts: KubeletParts, answer: RegisterAnswer) {
    this.#parts = parts;
    this.#answer = answer;
  }

  static async begin(parts: KubeletParts, { answer = 'accepts', keepsSockets = false }: KubeletBeginning = {}): Promise<TestKubelet> {
    const kubelet = new TestKubelet(parts, answer);
    if (!keepsSockets) await removeSockets(parts.directory);
    // What it calls goes on when the case that happens to begin it ends.
    kubelet.#served = await outsideScopes(() => serve(`unix://${join(parts.directory, kubeletSocket)}`, [kubelet.#service()]));
    return kubelet;
  }

  /** The latest registration of the resource, or of any. */
  latest(resource: string | undefined): Registration | undefined {
    return this.registrations.findLast(({ request }) => resource === undefined || request.resourceName === resource);
  }

  /** The same; waits for one. undefined where none comes in time. */
  async registration(resource: string | undefined, signal: AbortSignal): Promise<Registration | undefined> {
    return this.#until(() => this.latest(resource), signal);
  }

  /** The plugin of the latest registration of the resource, once that serves. undefined where none does in time. */
  async served(resource: string | undefined, signal: AbortSignal): Promise<ServedPlugin | undefined> {
    return this.#until(() => this.latest(resource)?.plugin, signal);
  }

  /** Whether Register is called in time. */
  async isCalled(signal: AbortSignal): Promise<boolean> {
    return (await this.#until(() => this.#calls || undefined, signal)) !== undefined;
  }

  /** What it does from now on with a plugin that registers. */
  set answer(answer: RegisterAnswer) {
    this.#answer = answer;
  }

  /** Lets go of all plugins that have registered, and of those that are about to. */
  async forget(): Promise<void> {
    this.#calls = 0;
    this.#letGo.abort();
    this.#letGo = new AbortController();
    for (const { plugin } of this.registrations.splice(0)) if (plugin) await leavePlugin(plugin);
  }

  /** Ends its calls and watches, and removes its socket. */
  async end(): Promise<void> {
    await this.forget();
    await this.#served?.close(0);
  }

  async #until<Found>(look: () => Found | undefined, signal: AbortSignal): Promise<Found | undefined> {
    for (;;) {
      const found = look();
      if (found !== undefined || signal.aborted) return found;
      await once(this.#changes, 'change', { signal }).catch(() => undefined);
    }
  }

  #service(): ServedService {
    const register = async (request: RegisterRequest, { signal }: CallContext): Promise<object> => {
      this.#calls++;
      this.#changes.emit('change');
      const { coverage } = this.#parts;
      coverage.called(registerRpc());
      if (this.#answer === 'refuses')
        throw new PluginError('UNKNOWN', 'this kubelet takes no plugins yet', { object: request.resourceName });
      if (this.#answer === 'hangs') await once(signal, 'abort');
      await this.#take(request);
      coverage.answered(registerRpc(), request, {});
      return {};
    };
    return [definitionOf(deviceProtocol(), 'Registration'), { Register: register } as never];
  }

  /** Real kubelets connect before they answer, and answer with the failure where that fails. */
  async #take(request: RegisterRequest): Promise<void> {
    const { directory, coverage, dialMs } = this.#parts;
    const { signal } = this.#letGo;
    try {
      const plugin = await reachPlugin(join(directory, request.endpoint), coverage, { limitMs: dialMs, signal });
      if (signal.aborted) await leavePlugin(plugin);
      else this.registrations.push({ request, plugin });
    } catch (thrown) {
      if (!signal.aborted) this.registrations.push({ request, problem: PluginError.from(thrown).message });
      throw thrown;
    } finally {
      this.#changes.emit('change');
    }
  }
}

/** As a kubelet does that begins. `removes`: only those of such names. */
export async function removeSockets(directory: string, removes: (name: string) => boolean = () => true): Promise<void> {
  for (const name of (await socketsIn(directory)).filter(removes)) await rm(join(directory, name), { force: true });
}

/** Names of the sockets in a directory. */
export async function socketsIn(directory: string): Promise<string[]> {
  const names = await readdir(directory);
  const found = await Promise.all(names.map(async (name) => (await lstat(join(directory, name)).catch(() => undefined))?.isSocket()));
  return names.filter((_, index) => found[index]);
}
