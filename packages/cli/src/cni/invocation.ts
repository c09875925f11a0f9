import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import { loadNetworkConfig } from '@berth/sdk/cni/config';
import { type Attachment, type AttachmentName, CniRunner } from '@berth/sdk/cni/runner';
import { type NetworkConfigList, parseObject } from '@berth/sdk/cni/types';
import { PluginError } from '@berth/sdk/errors';
import { isNamespaceFile } from '@berth/sdk/namespace-file';
import { FileNetworkLocks } from '@berth/shim/network/file-network-locks';
import type { CniDirectories } from '../node/runtime-command.ts';
import { type ChosenDirectories, chooseDirectories } from './directories.ts';

/** What `berth cni` is told besides the network and the namespace: by option, or by the variable that cnitool reads. */
export interface CniOptions {
  /** NETCONFPATH */
  confDir?: string;
  /** CNI_PATH */
  cniPath?: string;
  /** CAP_ARGS */
  capArgs?: string;
  /** CNI_ARGS */
  cniArgs?: string;
  /** CNI_IFNAME */
  ifname?: string;
  cacheDir?: string;
  /** Milliseconds, of each plugin. */
  timeout: number;
}

/** One call of `berth cni`: which configuration and plugins it is about, and which attachment, named as cnitool names it. */
export class CniInvocation {
  readonly directories: ChosenDirectories;
  readonly pluginDirs: string[];
  readonly runner: CniRunner;
  readonly #options: CniOptions;

  /** `node`: the directories of this host's node, for what no option tells. */
  constructor(options: CniOptions, node: CniDirectories) {
    this.directories = chooseDirectories(options, node);
    this.pluginDirs = options.cniPath ? options.cniPath.split(':').filter((directory) => directory !== '') : node.binDirs;
    this.#options = options;
    this.runner = new CniRunner({
      pluginDirs: this.pluginDirs,
      cacheDir: this.directories.cacheDir,
      timeLimitMs: options.timeout,
      locks: new FileNetworkLocks(this.directories.cacheDir),
    });
  }

  /** The network of that name in the configuration directory. */
  async network(name: string): Promise<NetworkConfigList> {
    return loadNetworkConfig(this.directories.confDir, { name });
  }

  /** The namespace's attachment. */
  attachment(netns: string): Attachment {
    const { capArgs, cniArgs, ifname } = this.#options;
    const path = resolve(netns);
    return {
      containerId: containerIdOf(path),
      netns: path,
      ifName: ifname || 'eth0',
      ...(cniArgs && { args: readArgs(cniArgs) }),
      ...(capArgs && { capabilityArgs: readCapabilityArgs(capArgs) }),
    };
  }

  /** The kept attachments of the network whose namespaces are there: the node's pods, and what else has been added. */
  async livingAttachments(network: string): Promise<AttachmentName[]> {
    const kept = await this.runner.cachedAttachments();
    return kept.flatMap((one) => (one.network === network && isNamespaceFile(one.attachment.netns) ? [one.attachment] : []));
  }

  /**
   * What DEL and CHECK run: the network and the arguments that ADD has kept, whatever has become of the configuration, else what is configured
   * and told. Arguments that are told replace the kept ones.
   */
  async attached(name: string, netns: string): Promise<{ list: NetworkConfigList; attachment: Attachment }> {
    const told = this.attachment(netns);
    const cached = await this.runner.cached(name, told);
    const attachment = { ...cached?.attachment, ...told };
    return { list: cached?.list ?? (await this.network(name)), attachment };
  }
}

/** As cnitool makes it (`cnitool/cmd/root.go`), so that either can take down what the other has set up. */
export function containerIdOf(netns: string): string {
  return `cnitool-${createHash('sha512').update(netns).digest('hex').slice(0, 20)}`;
}

function readArgs(text: string): [string, string][] {
  return text.split(';').map((pair) => {
    const [, key, value] = /^([^=]+)=(.+)$/.exec(pair) ?? [];
    if (key !== undefined && value !== undefined) return [key, value];
    throw new PluginError('INVALID_ARGUMENT', `${JSON.stringify(pair)} is no pair`, {
      object: 'CNI_ARGS',
      hint: 'write KEY=VALUE;KEY=VALUE',
    });
  });
}

function readCapabilityArgs(text: string): Record<string, unknown> {
  const value = parseObject(text);
  if (value) return value;
  throw new PluginError('INVALID_ARGUMENT', 'is no JSON object', { object: 'CAP_ARGS', hint: `write '{"portMappings": [...]}'` });
}
