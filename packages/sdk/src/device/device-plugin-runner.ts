import { lstatSync, watch } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from '../connect.ts';
import type { DevicePluginDefinition } from '../device.ts';
import { PluginError } from '../errors.ts';
import { DevicePluginService, RegistrationService } from '../gen/device-plugin.ts';
import { type Served, serve } from '../serve.ts';
import { DeviceLists } from './device-lists.ts';
import { devicePluginVersion } from './device-registration.ts';
import { deviceService, optionsOf } from './device-service.ts';

/** Where and how long a device plugin runs. */
export interface RunOptions {
  /** Ends the plugin. Left out: SIGINT and SIGTERM do. */
  signal?: AbortSignal;
  /** The kubelet's directory for device plugins. Default `/var/lib/kubelet/device-plugins`. */
  directory?: string;
  /** The plugin's socket in it. Default the resource's name with `-` for what a file's name shouldn't have: `vendor.example-name.sock`. */
  socketName?: string;
  /** Told of what a person may want to know: registrations, failures. Default: standard error. */
  log?: (message: string) => void;
}

const registerDeadlineMs = 10_000;
const firstPauseMs = 100;
const longestPauseMs = 10_000;
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
  #served: { server: Served; socket: string | undefined } | undefined;
  /** The kubelet that knows this plugin; undefined: none does. */
  #registeredWith: string | undefined;
  #watches = 0;

  constructor(definition: DevicePluginDefinition, { signal, directory, socketName, log }: RunOptions) {
    this.#definition = definition;
    this.#directory = directory ?? '/var/lib/kubelet/device-plugins';
    this.#socketName = socketName ?? `${definition.resourceName.replaceAll(/[^A-Za-z0-9.-]/g, '-')}.sock`;
    this.#log = log ?? ((message) => void process.stderr.write(`${definition.resourceName}: ${message}\n`));
    this.#signal = signal ?? untilTerminated();
    this.#lists = new DeviceLists(definition, this.#log);
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
    let pauseMs = firstPauseMs;
    while (!this.#signal.aborted) {
      // Before it is looked: what changes meanwhile is not missed.
      const changed = nextChange(this.#directory, this.#signal);
      const problem = await this.#registerOnce();
      if (problem !== undefined && problem !== told) this.#log(problem);
      told = problem ?? '';
      pauseMs = problem === undefined ? firstPauseMs : Math.min(2 * pauseMs, longestPauseMs);
      await (problem === undefined ? changed : Promise.race([changed, pause(pauseMs, this.#signal)]));
    }
  }

  /** Serves and registers where either is lacking. Gives what keeps it from that. */
  async #registerOnce(): Promise<string | undefined> {
    const kubelet = identityOf(this.#path('kubelet.sock'));
    if (kubelet === undefined) {
      this.#registeredWith = undefined;
      return `waiting for a kubelet: there is no ${this.#path('kubelet.sock')}`;
    }
    const isServed = this.#served !== undefined && this.#served.socket === identityOf(this.#path(this.#socketName));
    if (isServed && kubelet === this.#registeredWith) return undefined;
    try {
      if (!isServed) await this.#serveAnew();
      await this.#register();
      this.#registeredWith = kubelet;
      this.#log(`registered with the kubelet at ${this.#path('kubelet.sock')}`);
      return undefined;
    } catch (thrown) {
      this.#registeredWith = undefined;
      return `can't register: ${PluginError.from(thrown).message}`;
    }
  }

  /** A kubelet that begins removes all sockets but its own. */
  async #serveAnew(): Promise<void> {
    await this.#served?.server.close(0);
    this.#served = undefined;
    const path = this.#path(this.#socketName);
    const service = deviceService(this.#definition, { lists: this.#lists, onWatch: () => this.#watched() });
    const server = await serve(`unix://${path}`, [[DevicePluginService, service]]);
    this.#served = { server, socket: identityOf(path) };
  }

  async #register(): Promise<void> {
    const kubelet = connect(RegistrationService, `unix://${this.#path('kubelet.sock')}`, {
      signal: this.#signal,
      deadlineMs: registerDeadlineMs,
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

  /** A kubelet that watches no longer has given this plugin up: it has to be told of it anew. */
  #watched(): () => void {
    this.#watches++;
    return () => {
      if (--this.#watches === 0) this.#registeredWith = undefined;
    };
  }

  #path(name: string): string {
    return join(this.#directory, name);
  }
}

/** Tells one socket from another that took its place; undefined: there is none. */
function identityOf(path: string): string | undefined {
  const found = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  return found?.isSocket() ? `${found.dev}:${found.ino}:${found.ctimeNs}` : undefined;
}

/** Resolves when something in the directory may have changed, after a second at the latest, and when `signal` aborts. */
async function nextChange(directory: string, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const close = watched(directory, resolve);
  try {
    await Promise.race([promise, pause(rescanMs, signal)]);
  } finally {
    close();
  }
}

function watched(directory: string, changed: () => void): () => void {
  try {
    const watcher = watch(directory, changed).on('error', changed);
    return () => watcher.close();
  } catch {
    // It isn't there yet: the next look comes by itself.
    return () => undefined;
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
}

function untilTerminated(): AbortSignal {
  const terminated = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => terminated.abort());
  return terminated.signal;
}
