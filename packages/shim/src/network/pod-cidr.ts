import { isIP } from 'node:net';
import { PluginError } from '@berth/sdk/errors';
import { readJson, writeJson } from '../files/json-file.ts';

/**
 * The ranges that the node's pods have their addresses from, as UpdateRuntimeConfig told them: kept on disk, since a client tells
 * them once. Networks made from then on get them as CNI's capability `ipRanges` (CONVENTIONS.md), which plugins that want them declare.
 */
export class PodCidr {
  readonly #file: string;
  #ranges: string[] = [];

  constructor(file: string) {
    this.#file = file;
  }

  /** Reads what an earlier process was told. */
  async load(): Promise<void> {
    this.#ranges = (await readJson<string[]>(this.#file)) ?? [];
  }

  /** In CIDR notation; none where nobody has told any. */
  get ranges(): string[] {
    return this.#ranges;
  }

  /** `value`: ranges separated by commas. An empty one changes nothing (CRI, RuntimeConfig). INVALID_ARGUMENT for what is no range. */
  async set(value: string): Promise<void> {
    if (value === '') return;
    const ranges = value.split(',').map((range) => range.trim());
    const wrong = ranges.find((range) => !isCidr(range));
    if (wrong !== undefined) {
      throw new PluginError('INVALID_ARGUMENT', `${JSON.stringify(wrong.slice(0, 100))} is no range of addresses`, {
        object: 'runtime_config.network_config.pod_cidr',
        hint: 'write it as 10.244.1.0/24',
      });
    }
    await writeJson(this.#file, ranges);
    this.#ranges = ranges;
  }
}

function isCidr(text: string): boolean {
  const [address = '', length = '', ...rest] = text.split('/');
  const bits = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1;
  return rest.length === 0 && /^\d{1,3}$/.test(length) && Number(length) <= bits;
}
