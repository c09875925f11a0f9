import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { link } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CoverageRecord } from '../rpc-coverage.ts';
import { commandLine, type PluginCommandOptions } from './plugin-command.ts';
import { PluginProcess } from './plugin-process.ts';
import type { ServedPlugin } from './served-plugin.ts';
import { kubeletSocket, type RegisterAnswer, type Registration, removeSockets, TestKubelet } from './test-kubelet.ts';

/** As long as kubelet tries to connect to a plugin that registers (kubernetes:pkg/kubelet/cm/devicemanager/plugin/v1beta1/client.go). */
const longestDialMs = 10_000;
/** A command that ends at once is started as often as this. */
const respawnMs = 500;
/** How long it may take until all resources of a command are registered, once one is. */
const settleMs = 500;

export interface TestNodeOptions extends PluginCommandOptions {
  coverage: CoverageRecord;
  /** How long the plugin may take to register, and to end. */
  patienceMs: number;
}

interface KubeletRestart {
  answer?: RegisterAnswer;
  keepsSockets?: boolean;
  /** How long there is none. */
  absentMs?: number;
}

/** A node for one plugin: its kubelet, and what keeps its command running, as a DaemonSet would. */
export class TestNode {
  readonly directory: string;
  readonly patienceMs: number;
  /** Of the registered resources the one that is judged; known once it is chosen. */
  resource: string | undefined;
  readonly #options: TestNodeOptions;
  readonly #root: string;
  #kubelet: TestKubelet | undefined;
  #process: PluginProcess | undefined;

  constructor(options: TestNodeOptions) {
    this.#options = options;
    this.patienceMs = options.patienceMs;
    this.#root = mkdtempSync(join(tmpdir(), 'berth-device-'));
    this.directory = join(this.#root, 'plugins');
    for (const path of [this.directory, this.#changes]) mkdirSync(path);
  }

  /** The command that runs now. */
  get process(): PluginProcess {
    if (!this.#process) throw new Error('no command is started');
    return this.#process;
  }

  get kubelet(): TestKubelet {
    if (!this.#kubelet) throw new Error('no kubelet has begun');
    return this.#kubelet;
  }

  startPlugin(): PluginProcess {
    this.#process = new PluginProcess(commandLine(this.#options, this.directory, this.#changes));
    return this.#process;
  }

  /** Ends the command as a crash would. */
  async killPlugin(): Promise<void> {
    await this.#process?.kill();
    this.#process = undefined;
  }

  /** Ends the command as a crash would, and starts it anew; the kubelet goes on. */
  async restartPlugin(): Promise<PluginProcess> {
    await this.killPlugin();
    await this.#kubelet?.forget();
    return this.startPlugin();
  }

  async beginKubelet(beginning: Omit<KubeletRestart, 'absentMs'> = {}): Promise<TestKubelet> {
    const { coverage } = this.#options;
    const dialMs = Math.min(longestDialMs, this.patienceMs);
    this.#kubelet = await TestKubelet.begin({ directory: this.directory, coverage, dialMs }, beginning);
    return this.#kubelet;
  }

  async endKubelet(): Promise<void> {
    await this.#kubelet?.end();
    this.#kubelet = undefined;
  }

  /** Ends the kubelet as a crash would: its socket is left, and nobody listens on it. */
  async crashKubelet(): Promise<void> {
    await this.endKubelet();
    await leaveDeadSocket(join(this.directory, kubeletSocket));
  }

  async restartKubelet({ absentMs = 0, ...beginning }: KubeletRestart = {}): Promise<TestKubelet> {
    await this.endKubelet();
    if (absentMs > 0) await sleep(absentMs);
    return this.beginKubelet(beginning);
  }

  /** Removes all sockets, as a kubelet does that begins. */
  async removeSockets(): Promise<void> {
    await removeSockets(this.directory);
  }

  /** Removes all but the kubelet's. */
  async removeSocketsOfPlugins(): Promise<void> {
    await removeSockets(this.directory, (name) => name !== kubeletSocket);
  }

  /** The plugin as it is registered with the kubelet of now, which it may take its time for. A command that ends meanwhile is started again. */
  async registration(): Promise<Registration> {
    const { kubelet, patienceMs } = this;
    const limit = AbortSignal.timeout(patienceMs);
    while (!limit.aborted) {
      const until = AbortSignal.any([limit, this.process.ended]);
      const registration = await kubelet.registration(this.resource, until);
      if (registration) return registration;
      if (!this.process.ended.aborted) break;
      await sleep(respawnMs);
      this.startPlugin();
    }
    const what = this.resource === undefined ? 'nothing was registered' : `${this.resource} was not registered`;
    throw new Error([`${what} within ${patienceMs} ms`, ...[this.process.lastWords].filter(Boolean)].join('; '));
  }

  /** The same, as it serves. */
  async registered(): Promise<ServedPlugin> {
    const { plugin, request, problem } = await this.registration();
    if (plugin) return plugin;
    throw new Error(`${JSON.stringify(request.endpoint)}, the endpoint that it registered, does not serve: ${problem}`);
  }

  /** Puts the node in order after whatever a case has done to it: a kubelet, a plugin, a watch. */
  async ready(): Promise<ServedPlugin> {
    if (!this.#process || this.#process.ended.aborted) await this.restartPlugin();
    if (!this.#kubelet) await this.beginKubelet();
    const plugin = await this.registered();
    if (!plugin.watch.hasEnded && (await isServed(plugin.socket))) return plugin;
    await this.restartKubelet();
    return this.registered();
  }

  /** All resources that the command registers, once the first of them is. Throws where it registers none. */
  async resources(): Promise<string[]> {
    await this.registration();
    await sleep(settleMs);
    return [...new Set(this.kubelet.registrations.map(({ request }) => request.resourceName))];
  }

  /** Ends all of it, and leaves nothing. */
  async end(): Promise<void> {
    await this.endKubelet();
    this.#process?.signal('SIGTERM');
    await this.#process?.endsWithin(Math.min(longestDialMs, this.patienceMs));
    await this.killPlugin();
    rmSync(this.#root, { recursive: true, force: true });
  }

  get #changes(): string {
    return join(this.#root, 'changes');
  }
}

function isServed(socket: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const connection = connect(socket);
  connection.once('connect', () => resolve(true)).once('error', () => resolve(false));
  return promise.finally(() => connection.destroy());
}

/** A socket file without a server. Node removes the file of the name that it listened on. */
async function leaveDeadSocket(path: string): Promise<void> {
  const server = createServer();
  const made = `${path}.made`;
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(made, resolve);
  await promise;
  await link(made, path);
  const closed = Promise.withResolvers<void>();
  server.close(() => closed.resolve());
  await closed.promise;
}
