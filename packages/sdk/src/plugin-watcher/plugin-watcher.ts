import { mkdir } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from '../connect.ts';
import { PluginError } from '../errors.ts';
import { FileWatch } from '../file-watch.ts';
import { type PluginInfo, RegistrationService } from '../gen/plugin-registration.ts';
import type { Log } from '../log.ts';
import { findSockets } from './find-sockets.ts';
import type { PluginHandler, RegisteredPlugin } from './plugin-handler.ts';

interface PluginWatcherOptions {
  /** `plugins_registry`, with all below it. */
  directory: string;
  /** By the type that plugins name: CSIPlugin, DevicePlugin. */
  handlers: ReadonlyMap<string, PluginHandler>;
  log: Log;
}

/** kubelet's (pkg/kubelet/pluginmanager): between two looks, for GetInfo, and for NotifyRegistrationStatus. */
const rescanMs = 1000;
const settleMs = 20;
const infoDeadlineMs = 1000;
const notifyDeadlineMs = 5000;
const firstPauseMs = 500;
const longestPauseMs = 2 * 60 * 1000;

/** A plugin behind one socket, from its first try to register until the socket goes. */
interface KnownSocket {
  identity: string;
  gone: AbortController;
  plugin?: { handler: PluginHandler; registered: RegisteredPlugin };
  /** Ends when it is registered, or has gone. */
  registering: Promise<void>;
}

/** Registers plugins that make themselves known by a socket (pluginregistration v1), as long as the socket is there. */
export class PluginWatcher {
  readonly #options: PluginWatcherOptions;
  readonly #known = new Map<string, KnownSocket>();
  /** What is still to be ended of sockets that have gone, by path. */
  readonly #leaving = new Map<string, Promise<void>>();

  constructor(options: PluginWatcherOptions) {
    this.#options = options;
  }

  /** Until `signal` aborts. What plugins have registered stays so: they are still there when the kubelet comes again. */
  async run(signal: AbortSignal): Promise<void> {
    const { directory } = this.#options;
    await mkdir(directory, { recursive: true, mode: 0o750 });
    const watch = new FileWatch({ paths: [directory], rescanMs, settleMs });
    for await (const _change of watch.changes(signal)) this.#reconcile(await findSockets(directory), signal);
    await Promise.all([...this.#leaving.values(), ...[...this.#known.values()].map(({ registering }) => registering)]);
  }

  #reconcile(sockets: ReadonlyMap<string, string>, signal: AbortSignal): void {
    for (const [path, known] of this.#known) if (sockets.get(path) !== known.identity) this.#forget(path, known);
    for (const [path, identity] of sockets) {
      if (this.#known.has(path)) continue;
      const gone = new AbortController();
      const known: KnownSocket = { identity, gone, registering: Promise.resolve() };
      this.#known.set(path, known);
      const before = this.#leaving.get(path) ?? Promise.resolve();
      known.registering = before.then(() => this.#keepTrying(path, known, AbortSignal.any([signal, gone.signal])));
    }
  }

  #forget(path: string, known: KnownSocket): void {
    this.#known.delete(path);
    known.gone.abort(new PluginError('CANCELLED', 'its socket has gone', { object: path }));
    // A handler may still be at it, and succeed.
    const left = known.registering
      .then(() => this.#deregister(path, known))
      .finally(() => {
        if (this.#leaving.get(path) === left) this.#leaving.delete(path);
      });
    this.#leaving.set(path, left);
  }

  #deregister(path: string, { plugin }: KnownSocket): void {
    if (!plugin) return;
    const { log } = this.#options;
    try {
      plugin.handler.deregister(plugin.registered);
      log.info({ socket: path, plugin: plugin.registered.name }, 'the plugin has gone');
    } catch (thrown) {
      log.error({ socket: path }, `a plugin that has gone can't be given up: ${PluginError.from(thrown).message}`);
    }
  }

  async #keepTrying(path: string, known: KnownSocket, signal: AbortSignal): Promise<void> {
    let told = '';
    for (let pauseMs = firstPauseMs; !signal.aborted; pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
      try {
        return await this.#register(path, known, signal);
      } catch (thrown) {
        if (signal.aborted) return;
        const { message } = PluginError.from(thrown);
        if (message !== told) this.#options.log.error({ socket: path }, `a plugin can't be registered: ${message}`);
        told = message;
      }
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
    }
  }

  async #register(path: string, known: KnownSocket, signal: AbortSignal): Promise<void> {
    const client = connect(RegistrationService, `unix://${path}`, { signal });
    try {
      const info = await client.getInfo({}, { deadlineMs: infoDeadlineMs });
      const tell = (error: string) =>
        client.notifyRegistrationStatus({ pluginRegistered: error === '', error }, { deadlineMs: notifyDeadlineMs });
      try {
        known.plugin = await this.#handOver(path, info, signal);
      } catch (thrown) {
        await tell(PluginError.from(thrown).message).catch(() => undefined);
        throw thrown;
      }
      this.#options.log.info({ socket: path, plugin: info.name, type: info.type }, 'a plugin is registered');
      await tell('').catch((thrown: unknown) => this.#untold(path, thrown));
    } finally {
      client.close();
    }
  }

  async #handOver(
    path: string,
    { type, name, endpoint, supportedVersions }: PluginInfo,
    signal: AbortSignal,
  ): Promise<KnownSocket['plugin']> {
    const { handlers } = this.#options;
    const handler = handlers.get(type);
    if (!handler) {
      throw new PluginError('UNIMPLEMENTED', `there is no handler for plugins of the type ${JSON.stringify(type)}`, {
        object: path,
        hint: `answer GetInfo with one of ${[...handlers.keys()].join(', ')}`,
      });
    }
    const registered = { name, endpoint: endpoint || path, supportedVersions };
    handler.validate(registered);
    await handler.register(registered, signal);
    return { handler, registered };
  }

  #untold(path: string, thrown: unknown): void {
    this.#options.log.warn({ socket: path }, `the plugin could not be told that it is registered: ${PluginError.from(thrown).message}`);
  }
}
