import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { kubeletSocket } from '@berth/sdk/device/constants';
import { limitWithinCase } from '../case-scope.ts';
import type { CoverageRecord } from '../rpc-coverage.ts';
import { leaveDeadSocket } from './dead-socket.ts';
import { commandLine, type PluginCommandOptions } from './plugin-command.ts';
import { PluginProcess } from './plugin-process.ts';
import type { ServedPlugin } from './served-plugin.ts';
import { faultOf, type RegisterAnswer, type Registration, removeSockets, TestKubelet } from './test-kubelet.ts';

/** As long as kubelet tries to connect to a plugin that registers (kubernetes:pkg/kubelet/cm/devicemanager/plugin/v1beta1/client.go). */
const longestDialMs = 10_000;
/** What it may take to end before it is killed, where that isn't what is judged. */
const stopMs = 5_000;
/** A command that ends at once is started as often as this. */
const respawnMs = 500;
/** How long it may take at least until all resources of a command are registered, once one is. */
const settleMs = 1_000;

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
  /** All that the command registers; known once one of them is chosen. */
  resources: string[] = [];
  readonly #options: TestNodeOptions;
  readonly #root: string;
  #kubelet: TestKubelet | undefined;
  #process: PluginProcess | undefined;
  /** Since the plugin was given to a case, more has been done than to call it. */
  #isDisturbed = true;
  /** Once in the run, at least, something served where it registered. */
  #hasServed = false;
  #isOpen = true;

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
    this.#checkOpen();
    this.#process = new PluginProcess(commandLine(this.#options, this.directory, this.#changes));
    return this.#process;
  }

  /** Tells the command to end. */
  terminatePlugin(): void {
    this.#isDisturbed = true;
    this.#process?.signal('SIGTERM');
  }

  /** Ends the command as a crash would. */
  async killPlugin(): Promise<void> {
    this.#isDisturbed = true;
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
    this.#checkOpen();
    const { coverage } = this.#options;
    // Less than what its registration may take, which ends with that.
    const dialMs = Math.min(longestDialMs, this.patienceMs / 2);
    this.#kubelet = await TestKubelet.begin({ directory: this.directory, coverage, dialMs }, beginning);
    return this.#kubelet;
  }

  async endKubelet(): Promise<void> {
    this.#isDisturbed = true;
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
    this.#isDisturbed = true;
    await removeSockets(this.directory);
  }

  /** Removes all but the kubelet's. */
  async removeSocketsOfPlugins(): Promise<void> {
    this.#isDisturbed = true;
    await removeSockets(this.directory, (name) => name !== kubeletSocket);
  }

  /** The plugin as it is registered with the kubelet of now, which it may take its time for. A command that ends meanwhile is started again. */
  async registration(resource = this.resource): Promise<Registration> {
    const { kubelet } = this;
    const what = resource === undefined ? 'nothing was registered' : `${resource} was not registered`;
    const found = await this.#keptRunning((signal) => kubelet.registration(resource, signal), what);
    this.#hasServed ||= found.plugin !== undefined;
    return found;
  }

  /** Until the plugin has called Register, whatever becomes of that. A command that ends meanwhile is started again. */
  async registerCalled(): Promise<void> {
    const { kubelet } = this;
    await this.#keptRunning(async (signal) => (await kubelet.isCalled(signal)) || undefined, 'Register was not called');
  }

  /** What `registration` finds, as it serves; one that has served before is given the time to register again. */
  async registered(): Promise<ServedPlugin> {
    const registration = await this.registration();
    if (registration.plugin) return registration.plugin;
    const fault = faultOf(registration);
    if (!this.#hasServed) throw new Error(fault);
    // Between bind and Register a kubelet that begins may remove a good plugin's socket; Register fails then, and is called again.
    const { kubelet, resource } = this;
    return this.#keptRunning((signal) => kubelet.served(resource, signal), `${fault}; and it registered none that does`);
  }

  /**
   * The plugin as it serves. Where a case has left it without a kubelet, or without its place there, both begin afresh. Throws, once, where it has gone by itself since
   * it was given before, though all that was done were calls.
   */
  async ready(): Promise<ServedPlugin> {
    const plugin = this.#kubelet?.latest(this.resource)?.plugin;
    const fault = plugin ? await this.#obstacleTo(plugin) : 'it is not registered';
    if (plugin && fault === undefined) {
      this.#isDisturbed = false;
      return plugin;
    }
    const wasDisturbed = this.#isDisturbed;
    const afresh = await this.#beginAfresh();
    if (!wasDisturbed)
      throw new Error(`since the case before, in which it was only called, no kubelet can use the plugin any more: ${fault}`);
    return afresh;
  }

  /** Starts the kubelet and the command, and finds all resources that are registered. Throws where none is. */
  async begin(): Promise<void> {
    await this.beginKubelet();
    const startedAt = performance.now();
    this.startPlugin();
    await this.registration();
    // Where the first takes long, on a slow host, so may the others.
    const tookMs = performance.now() - startedAt;
    await sleep(Math.min(Math.max(settleMs, 2 * tookMs), this.patienceMs / 2));
    this.resources = [...new Set(this.kubelet.registrations.map(({ request }) => request.resourceName))];
  }

  /** Ends all of it, and leaves nothing. */
  async end(): Promise<void> {
    this.#isOpen = false;
    await this.endKubelet();
    await this.#stopPlugin();
    rmSync(this.#root, { recursive: true, force: true });
  }

  /** What keeps a plugin from being used. */
  async #obstacleTo({ watch, socket }: ServedPlugin): Promise<string | undefined> {
    if (this.#process?.ended.aborted !== false) return this.#process?.lastWords ?? 'it was ended';
    if (watch.hasEnded) return `ListAndWatch has ended: ${watch.howItEnded}`;
    return (await isServed(socket)) ? undefined : `nobody listens on ${socket}`;
  }

  async #beginAfresh(): Promise<ServedPlugin> {
    await this.#stopPlugin();
    await this.restartKubelet();
    this.startPlugin();
    const plugin = await this.registered();
    this.#isDisturbed = false;
    return plugin;
  }

  /** What is found while the command is kept running. Throws `otherwise` where it takes too long. */
  async #keptRunning<Found>(look: (signal: AbortSignal) => Promise<Found | undefined>, otherwise: string): Promise<Found> {
    const limit = limitWithinCase(this.patienceMs);
    let ended = '';
    while (!limit.aborted) {
      const found = await look(AbortSignal.any([limit, this.process.ended]));
      if (found !== undefined) return found;
      if (!this.process.ended.aborted) break;
      ended = this.process.lastWords;
      await sleep(respawnMs);
      this.startPlugin();
    }
    throw new Error([`${otherwise} within ${this.patienceMs} ms`, ...[ended || this.process.lastWords].filter(Boolean)].join('; '));
  }

  /** A case that doesn't end in time may go on when all is over. */
  #checkOpen(): void {
    if (!this.#isOpen) throw new Error('the run is over: nothing more is started');
  }

  async #stopPlugin(): Promise<void> {
    this.terminatePlugin();
    await this.#process?.endsWithin(Math.min(stopMs, this.patienceMs));
    await this.killPlugin();
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
