import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Attachment } from './attachment.ts';
import type { NetworkConfigList } from './types.ts';
import { isObject, parseObject } from './types.ts';

/** The file of libcni (api.go, `cachedInfo`), so that another runtime on the same directory can take over. */
interface CachedInfo {
  kind: 'cniCacheV1';
  containerId: string;
  /** The network list's text in base64: Go writes bytes so. */
  config: string;
  ifName: string;
  networkName: string;
  netns: string;
  cniArgs?: [string, string][];
  capabilityArgs?: Record<string, unknown>;
  /** As the last plugin of the chain printed it, in the list's version. */
  result: Record<string, unknown>;
}

/** The results of ADD, kept for DEL and CHECK in files `results/NETWORK-CONTAINER-INTERFACE`. */
export class ResultCache {
  readonly #directory: string;

  constructor(cacheDir: string) {
    this.#directory = join(cacheDir, 'results');
  }

  /** Keeps a result; an older one of the same attachment is replaced as a whole or not at all. */
  async write(list: NetworkConfigList, attachment: Attachment, result: Record<string, unknown>): Promise<void> {
    const { containerId, ifName, netns, args, capabilityArgs } = attachment;
    const info: CachedInfo = {
      kind: 'cniCacheV1',
      containerId,
      config: Buffer.from(list.text).toString('base64'),
      ifName,
      networkName: list.name,
      netns,
      ...(args?.length ? { cniArgs: args } : {}),
      ...(capabilityArgs ? { capabilityArgs } : {}),
      result,
    };
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    const file = this.#file(list, attachment);
    await writeFile(`${file}.new`, JSON.stringify(info), { mode: 0o600 });
    await rename(`${file}.new`, file);
  }

  /** The kept result; undefined where there is none, or a broken one: DEL has to work without. */
  async read(list: NetworkConfigList, attachment: Attachment): Promise<Record<string, unknown> | undefined> {
    const text = await readFile(this.#file(list, attachment), 'utf8').catch(() => '');
    const info = parseObject(text);
    return info?.kind === 'cniCacheV1' && isObject(info.result) ? info.result : undefined;
  }

  async remove(list: NetworkConfigList, attachment: Attachment): Promise<void> {
    await rm(this.#file(list, attachment), { force: true });
  }

  #file(list: NetworkConfigList, { containerId, ifName }: Attachment): string {
    return join(this.#directory, `${list.name}-${containerId}-${ifName}`);
  }
}
