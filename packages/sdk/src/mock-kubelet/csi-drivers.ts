import { isAbsolute } from 'node:path';
import { PluginError } from '../errors.ts';
import type { PluginHandler, RegisteredPlugin } from '../plugin-watcher/plugin-handler.ts';
import { quoted } from '../quoted.ts';
import { type CsiDriver, interviewDriver } from './csi-driver.ts';
import { highestCsiVersion } from './csi-version.ts';
import type { Tell } from './mock-kubelet-event.ts';

/** The CSI drivers whose registration sockets are there. */
export class CsiDrivers implements PluginHandler {
  readonly #byName = new Map<string, CsiDriver>();
  readonly #tell: Tell;
  readonly #now: () => Date;

  constructor(tell: Tell, now: () => Date) {
    this.#tell = tell;
    this.#now = now;
  }

  get byName(): ReadonlyMap<string, CsiDriver> {
    return this.#byName;
  }

  validate({ name, endpoint, supportedVersions }: RegisteredPlugin): void {
    const version = highestCsiVersion(name, supportedVersions);
    const object = `CSI driver ${quoted(name)}`;
    if (!isAbsolute(endpoint)) {
      throw new PluginError('INVALID_ARGUMENT', `its endpoint ${quoted(endpoint)} is no whole path`, {
        object,
        hint: 'answer GetInfo with the path of its socket on the host, from / on',
      });
    }
    const other = this.#byName.get(name);
    if (other && highestCsiVersion(name, [other.version, version]) === other.version) {
      throw new PluginError('ALREADY_EXISTS', `another driver of this name speaks CSI ${other.version}, at ${other.endpoint}`, {
        object,
        hint: 'stop that one first, or take another name',
      });
    }
  }

  async register(plugin: RegisteredPlugin, signal: AbortSignal): Promise<void> {
    const { driver, problems } = await interviewDriver(plugin, this.#now(), signal);
    this.#byName.set(driver.name, driver);
    this.#tell({ event: 'driver-registered', driver });
    for (const problem of problems) this.#tell({ event: 'problem', message: `CSI driver ${driver.name}: ${problem}` });
  }

  deregister({ name, endpoint }: RegisteredPlugin): void {
    if (this.#byName.get(name)?.endpoint !== endpoint) return;
    this.#byName.delete(name);
    this.#tell({ event: 'driver-gone', driver: name });
  }

  /** Forgets all of them, without a word: the kubelet ends. */
  clear(): void {
    this.#byName.clear();
  }
}
