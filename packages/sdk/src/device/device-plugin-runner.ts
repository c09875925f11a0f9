import { lstatSync, watch } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { onAbort } from '../abort.ts';
import { connect } from '../connect.ts';
import { PluginError } from '../errors.ts';
import { DevicePluginService, RegistrationService } from '../gen/device-plugin.ts';
import { type Served, serve } from '../serve.ts';
import { socketIdentity } from '../socket-identity.ts';
import { untilTerminated } from '../termination.ts';
import { AllowedCallers } from './allowed-callers.ts';
import { devicePluginPath, devicePluginVersion, kubeletSocket } from './constants.ts';
import type { DevicePluginDefinition } from './definition.ts';
import { DeviceLists } from './device-lists.ts';
import { checkEndpoint } from './device-registration.ts';
import { deviceService, optionsOf } from './device-service.ts';
import { type PauseRange, RegistrationPauses } from './registration-pauses.ts';

/** Where and how long a device plugin runs. */
export interface RunOptions {
  /** Ends the plugin. Left out: SIGINT and SIGTERM do. */
  signal?: AbortSignal;
  /** The kubelet's directory for device plugins. Default `/var/lib/kubelet/device-plugins`. */
  directory?: string;
  /** The plugin's socket in it. Default the resource's name with `-` for what a file's name shouldn't have: `vendor.example-name.sock`. */
  socketName?: string;
  /**
   * Users whose kubelet is registered with, and who may call the plugin. Default: root and the user that this runs as. Only the owner of the kubelet's
   * socket is looked at by default where the package `koffi` isn't installed, which tells who calls; given by name, they need it.
   */
  allowedUids?: readonly number[];
  /** Told of what a person may want to know: registrations, failures. Default: standard error. */
  log?: (message: string) => void;
}

const registerDeadlineMs = 10_000;
/** Before it is tried again: a kubelet may just be about to listen, and one that watches no longer most often has another plugin of the resource. */
const afterRefusal: PauseRange = { firstMs: 100, longestMs: 30_000 };
const afterWatch: PauseRange = { firstMs: 1000, longestMs: 5 * 60 * 1000 };
/** Where the file system doesn't tell of changes, they are found by looking. */
const rescanMs = 1000;

/** One run of a device plugin: its server, and its registration with each kubelet that comes. */
export class DevicePluginRunner {
  readonly #definition: DevicePluginDefinition;
  readonly #directory: string;
  readonly #socketName: string;
  readonly #log: (message: string) => void;
  readonly #signal: AbortSignal;
  readonly #lists: DeviceLists;
  readonly #callers: AllowedCallers;
  readonly #pauses = new RegistrationPauses();
  #served: { server: Served; socket: string | undefined; watches: Watches } | undefined;
  /** The kubelet that knows this plugin; undefined: none does. */
  #registeredWith: string | undefined;
  /** Why the last attempt has failed. */
  #problem: string | undefined;

  constructor(definition: DevicePluginDefinition, { signal, directory, socketName, allowedUids, log }: RunOptions) {
    this.#definition = definition;
    this.#directory = directory ?? devicePluginPath;
    this.#socketName = socketName ?? `${definition.resourceName.replaceAll(/[^A-Za-z0-9.-]/g, '-')}.sock`;
    checkEndpoint(this.#socketName, `option socketName of the device plugin for ${definition.resourceName}`);
    this.#log = log ?? ((message) => void process.stderr.write(`${definition.resourceName}: ${message}\n`));
    this.#signal = signal ?? untilTerminated();
    this.#lists = new DeviceLists(definition, this.#log);
    this.#callers = new AllowedCallers(allowedUids, this.#log);
  }

  /** Until the signal aborts; then nothing of it is left. */
  async run(): Promise<void> {
    const listening = this.#lists.follow(this.#signal);
    try {
      await this.#keepRegistered();
    } finally {
      await this.#served?.server.close();
      await listening;
    }
  }

  async #keepRegistered(): Promise<void> {
    let told = '';
    while (!this.#signal.aborted) {
      // Before it is looked: what changes meanwhile is not missed.
      const directory = watchDirectory(this.#directory);
      const { problem = '', againMs = rescanMs } = await this.#registerIfDue().catch((thrown: unknown) => this.#unseen(thrown));
      if (problem !== '' && problem !== told && !this.#signal.aborted) this.#log(problem);
      told = problem;
      await atMost(Math.min(againMs, rescanMs), directory.changed, this.#signal);
      directory.close();
    }
  }

  /** Serves and registers where either is lacking. Gives what keeps it from that, and when to try again at the latest. */
  async #registerIfDue(): Promise<{ problem?: string; againMs?: number }> {
    const kubelet = identityOf(this.#path(kubeletSocket));
    if (kubelet === undefined) {
      this.#registeredWith = undefined;
      return { problem: `waiting for a kubelet: there is no ${this.#path(kubeletSocket)}` };
    }
    const isServed = this.#served !== undefined && this.#served.socket === identityOf(this.#path(this.#socketName));
    if (isServed && kubelet === this.#registeredWith) return {};
    if (this.#pauses.left(kubelet, performance.now()) === 0) this.#problem = await this.#registerOnce(kubelet, isServed);
    return { problem: this.#problem, againMs: this.#pauses.left(kubelet, performance.now()) || rescanMs };
  }

  /** Where the directory can't be looked at, as one of root's by others, it may be later. */
  #unseen(thrown: unknown): { problem: string; againMs?: number } {
    return { problem: `can't look for a kubelet in ${this.#directory}: ${PluginError.from(thrown).message}` };
  }

  async #registerOnce(kubelet: string, isServed: boolean): Promise<string | undefined> {
    try {
      const problem = this.#callers.problemWith(lstatSync(this.#path(kubeletSocket)).uid);
      if (problem !== undefined) throw new PluginError('PERMISSION_DENIED', problem);
      if (!isServed) await this.#serveAnew();
      // Before the call: a kubelet may watch, and give up, before it answers.
      this.#registeredWith = kubelet;
      this.#pauses.registered(performance.now());
      await this.#register();
      this.#log(`registered with the kubelet at ${this.#path(kubeletSocket)}`);
      return undefined;
    } catch (thrown) {
      this.#lose(afterRefusal);
      return `can't register: ${PluginError.from(thrown).message}`;
    }
  }

  /** A kubelet that begins removes all sockets but its own. */
  async #serveAnew(): Promise<void> {
    const old = this.#served;
    this.#served = undefined;
    await old?.server.close(0);
    const path = this.#path(this.#socketName);
    const watches = new Watches();
    const onWatch = (): (() => void) => watches.begin(() => this.#served?.watches === watches && this.#unwatched());
    const service = deviceService(this.#definition, { lists: this.#lists, onWatch });
    const server = await serve(`unix://${path}`, [[DevicePluginService, service]], { allowedUsers: this.#callers.checked });
    this.#served = { server, socket: identityOf(path), watches };
  }

  async #register(): Promise<void> {
    const kubelet = connect(RegistrationService, `unix://${this.#path(kubeletSocket)}`, {
      signal: this.#signal,
      deadlineMs: registerDeadlineMs,
      peer: 'kubelet',
    });
    try {
      await kubelet.register({
        version: devicePluginVersion,
        endpoint: this.#socketName,
        resourceName: this.#definition.resourceName,
        options: optionsOf(this.#definition),
      });
    } finally {
      kubelet.close();
    }
  }

  /** The kubelet has to be told of this plugin anew: it refused it, or watches no longer. */
  #lose(pauses: PauseRange): void {
    this.#registeredWith = undefined;
    this.#pauses.lost(performance.now(), pauses);
  }

  #unwatched(): void {
    this.#lose(afterWatch);
    const why = `it has ended, or another plugin of ${this.#definition.resourceName} has taken this one's place there`;
    this.#problem = `the kubelet at ${this.#path(kubeletSocket)} watches its devices no longer: ${why}`;
  }

  #path(name: string): string {
    return join(this.#directory, name);
  }
}

/** The kubelet's streams of one server. */
class Watches {
  #count = 0;

  /** Gives what is to be called at the stream's end; `ended` is called when that was the last one. */
  begin(ended: () => void): () => void {
    this.#count++;
    return () => {
      if (--this.#count === 0) ended();
    };
  }
}

/** That of the socket at the path; undefined: there is none. */
function identityOf(path: string): string | undefined {
  const found = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  return found?.isSocket() ? socketIdentity(found) : undefined;
}

/** `changed` resolves when something in the directory may have changed, if the file system tells. */
function watchDirectory(path: string): { changed: Promise<void>; close(): void } {
  const { promise: changed, resolve } = Promise.withResolvers<void>();
  try {
    const watcher = watch(path, () => resolve()).on('error', () => resolve());
    return { changed, close: () => watcher.close() };
  } catch {
    // It isn't there yet: the next look comes by itself.
    return { changed, close: () => undefined };
  }
}

/** Waits for a promise, but no longer than `ms` and until `signal` aborts. */
async function atMost(ms: number, promise: Promise<void>, signal: AbortSignal): Promise<void> {
  const over = new AbortController();
  const release = onAbort([signal], () => over.abort());
  await Promise.race([promise, sleep(ms, undefined, { signal: over.signal }).catch(() => undefined)]);
  release();
  over.abort();
}
