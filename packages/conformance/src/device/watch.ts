import { EventEmitter, once } from 'node:events';
import { PluginError } from '@berth/sdk/errors';
import { limitWithinCase } from '../case-scope.ts';
import type { Device, DeviceClient } from './messages.ts';

/** One call of ListAndWatch, read from its beginning to its end. */
export class Watch {
  /** Each list that came. */
  readonly lists: Device[][] = [];
  readonly #changes = new EventEmitter().setMaxListeners(0);
  readonly #done = new AbortController();
  readonly #reading: Promise<void>;
  /** How it ended by itself. */
  #end: { error?: PluginError } | undefined;

  constructor(client: DeviceClient) {
    this.#reading = this.#read(client);
  }

  get latest(): Device[] | undefined {
    return this.lists.at(-1);
  }

  /** It ended, and not by this client. */
  get hasEnded(): boolean {
    return this.#end !== undefined;
  }

  /** How it ended by itself, for messages. */
  get howItEnded(): string {
    return this.#end?.error?.message ?? 'without an error';
  }

  /** The list that comes at its beginning. Throws where none comes in time, or the stream ends before. */
  async first(limitMs: number): Promise<Device[]> {
    return this.list(() => true, limitMs, 'ListAndWatch gave no list');
  }

  /** The first list from the newest on that `holds`. Throws `otherwise` where none comes in time, or the stream ends before. */
  async list(holds: (devices: Device[]) => boolean, limitMs: number, otherwise: string): Promise<Device[]> {
    const limit = limitWithinCase(limitMs);
    for (let next = Math.max(0, this.lists.length - 1); ; ) {
      for (const devices of this.lists.slice(next)) if (holds(devices)) return devices;
      next = this.lists.length;
      if (this.#end) throw new Error(`${otherwise}: the stream ended: ${this.howItEnded}`);
      if (limit.aborted) throw new Error(`${otherwise} within ${limitMs} ms`);
      await once(this.#changes, 'change', { signal: limit }).catch(() => undefined);
    }
  }

  /** Ends it from this side. */
  async end(): Promise<void> {
    this.#done.abort();
    await this.#reading;
  }

  async #read(client: DeviceClient): Promise<void> {
    try {
      for await (const { devices } of client.ListAndWatch({}, { signal: this.#done.signal })) {
        this.lists.push(devices);
        this.#changes.emit('change');
      }
      this.#end = {};
    } catch (thrown) {
      if (!this.#done.signal.aborted) this.#end = { error: PluginError.from(thrown) };
    }
    this.#changes.emit('change');
  }
}
