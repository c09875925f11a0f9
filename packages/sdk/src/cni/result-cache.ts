import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isUnfinished, removeReplacedFile, replaceFile } from '../replace-file.ts';
import type { Attachment, AttachmentName } from './attachment.ts';
import { parseNetworkConfig, parsePluginConfig } from './config.ts';
import type { NetworkConfigList } from './types.ts';
import { isObject, parseObject } from './types.ts';
import { readResult, supportedVersions, writeResult } from './versions.ts';

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

/** What an ADD left in the cache: enough to run its DEL, whatever has become of the configuration. */
export interface CachedAttachment {
  network: string;
  attachment: Attachment;
  /** The list that ADD ran; undefined where what is kept of it can't be read. */
  list: NetworkConfigList | undefined;
}

/** The results of ADD, kept for DEL and CHECK in files `results/NETWORK-CONTAINER-INTERFACE`, as libcni keeps them. */
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
    const modes = { mode: 0o600, directoryMode: 0o700 };
    // No container outlives the host's crash: to wait for the disk would be in vain.
    await replaceFile(this.#file(list.name, attachment), JSON.stringify(info), { ...modes, flush: false });
  }

  /**
   * The kept result in the list's version; undefined where there is none, or one that can't be read: DEL has to work without. Files of
   * libcni before it kept more (the bare result) are read, too.
   */
  async read(list: NetworkConfigList, attachment: AttachmentName): Promise<Record<string, unknown> | undefined> {
    const result = resultIn(parseObject(await textOf(this.#file(list.name, attachment))));
    if (!isObject(result)) return undefined;
    if (result.cniVersion === list.cniVersion) return result;
    try {
      return writeResult(readResult(result, versionOfBare(result), 'cached result'), list.cniVersion);
    } catch {
      return undefined;
    }
  }

  /** Forgets an attachment. */
  async remove(network: string, attachment: AttachmentName): Promise<void> {
    await removeReplacedFile(this.#file(network, attachment));
  }

  /** What is kept of an attachment; undefined where nothing is that can be read. */
  async find(network: string, attachment: AttachmentName): Promise<CachedAttachment | undefined> {
    const file = this.#file(network, attachment);
    return attachmentIn(file, await textOf(file));
  }

  /**
   * All that is kept, in order of the files' names. Files of another kind are passed over. Throws where the directory or a file can't be read: what
   * is kept would be taken for gone.
   */
  async list(): Promise<CachedAttachment[]> {
    const names = ((await readdir(this.#directory).catch(unlessAbsent)) ?? []).filter((name) => !isUnfinished(name)).sort();
    const found = await Promise.all(
      names.map(async (name) => {
        const file = join(this.#directory, name);
        return attachmentIn(file, (await readFile(file, 'utf8').catch(unlessAbsent)) ?? '');
      }),
    );
    return found.filter((attachment) => attachment !== undefined);
  }

  #file(network: string, { containerId, ifName }: AttachmentName): string {
    return join(this.#directory, `${network}-${containerId}-${ifName}`);
  }
}

async function textOf(file: string): Promise<string> {
  return readFile(file, 'utf8').catch(() => '');
}

/** For `catch`: undefined where there is nothing, or a directory where a file is meant. */
function unlessAbsent(error: NodeJS.ErrnoException): undefined {
  if (['ENOENT', 'ENOTDIR', 'EISDIR'].includes(error.code ?? '')) return undefined;
  throw error;
}

function attachmentIn(file: string, text: string): CachedAttachment | undefined {
  const info = parseObject(text);
  if (info?.kind !== 'cniCacheV1') return undefined;
  const { containerId, ifName, networkName, netns, cniArgs, capabilityArgs, config } = info;
  if (!isName(containerId) || !isName(ifName) || !isName(networkName)) return undefined;
  const attachment: Attachment = {
    containerId,
    ifName,
    netns: typeof netns === 'string' ? netns : '',
    ...(isArgs(cniArgs) && { args: cniArgs }),
    ...(isObject(capabilityArgs) && { capabilityArgs }),
  };
  return { network: networkName, attachment, list: listOf(config, file) };
}

function resultIn(kept: Record<string, unknown> | undefined): unknown {
  if (kept?.kind !== undefined) return kept.kind === 'cniCacheV1' ? kept.result : undefined;
  return ['interfaces', 'ips', 'ip4', 'ip6'].some((key) => kept?.[key] !== undefined) ? kept : undefined;
}

/** Results of 0.1.0 and 0.2.0 don't say their version. */
function versionOfBare(result: Record<string, unknown>): string {
  return 'ips' in result || 'interfaces' in result ? (supportedVersions.at(-1) ?? '') : '0.2.0';
}

/** libcni's AddNetwork keeps a single plugin's configuration. */
function listOf(config: unknown, file: string): NetworkConfigList | undefined {
  const text = Buffer.from(String(config), 'base64').toString();
  try {
    return parseObject(text)?.type === undefined ? parseNetworkConfig(text, file) : parsePluginConfig(text, file);
  } catch {
    return undefined;
  }
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function isArgs(value: unknown): value is [string, string][] {
  return (
    Array.isArray(value) &&
    value.every((pair) => Array.isArray(pair) && pair.length === 2 && pair.every((part) => typeof part === 'string'))
  );
}
