import { realpath } from 'node:fs/promises';
import { join } from 'node:path';
import type { CallRecord } from '@berth/sdk/call-record';
import { loadNetworkConfig } from '@berth/sdk/cni/config';
import { findPlugin } from '@berth/sdk/cni/plugin-executable';
import {
  type Attachment,
  type AttachmentName,
  type CachedAttachment,
  CniRunner,
  cleanUpLimitMs,
  type Execution,
} from '@berth/sdk/cni/runner';
import type { NetworkConfigList, Result } from '@berth/sdk/cni/types';
import type { PodSandboxConfig, PortMapping } from '@berth/sdk/cri';
import { Protocol } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import { isNamespaceFile } from '@berth/sdk/namespace-file';
import type { CallContext } from '@berth/sdk/serve';
import { currentTrace, newSpan } from '@berth/sdk/trace-context';
import type { Logger } from 'pino';
import type { FileCalls } from '../file-calls.ts';
import { bringUpLoopback } from './bring-up-loopback.ts';
import { FileNetworkLocks } from './file-network-locks.ts';
import { NetworkReadiness } from './network-readiness.ts';
import { executeOnce, PluginServers } from './plugin-servers.ts';
import type { PodCidr } from './pod-cidr.ts';
import { podInterface } from './pod-interface.ts';
import { recordedExecution } from './recorded-execution.ts';

interface PodNetworkOptions {
  /** The shim's, without symbolic links. */
  root: string;
  confDir: string;
  binDirs: string[];
  /** Where results are kept for DEL. */
  cacheDir: string;
  /** The pods' ranges of addresses, for plugins that declare the capability `ipRanges`. */
  podCidr: Pick<PodCidr, 'ranges'>;
  calls: FileCalls;
  log: Logger;
}

/** A pod on its network: what its sandbox's record keeps, so that it can be detached after any restart. */
export interface Attached {
  /** The configuration list that ADD ran, as JSON: DEL has to run the same, even if the file has changed since. */
  list: string;
  /** Addresses without prefix length, the first one the pod's own; none until ADD has succeeded. */
  ips: string[];
  /** What the plugins were told besides: DEL tells them the same. */
  ipRanges?: string[];
}

/** What `attach` has to know of a sandbox. */
interface Attachable {
  id: string;
  config: PodSandboxConfig;
  planned: Attached;
}

/** Longest that one plugin may take. */
const pluginLimitMs = 60_000;
/** Longest that one plugin may take to say whether it can take pods. */
const statusLimitMs = 10_000;
/** What is left of a call's time when a plugin is given up, besides that for cleaning up: its error has to reach the caller. */
const answerMs = 1000;

/** Puts sandboxes on the network that the CNI configuration directory says, by executing its chain of plugins. */
export class PodNetwork {
  readonly #options: PodNetworkOptions;
  readonly #servers = new PluginServers();
  readonly #locks: FileNetworkLocks;
  readonly #readiness: NetworkReadiness;

  constructor(options: PodNetworkOptions) {
    this.#options = options;
    this.#locks = new FileNetworkLocks(options.cacheDir);
    // Executed each time: a server that is asked now and then would never be idle.
    const runner = new CniRunner({ pluginDirs: options.binDirs, timeLimitMs: statusLimitMs, execute: executeOnce });
    this.#readiness = new NetworkReadiness((list) => runner.status(list));
  }

  /** Ends what it keeps running; pods stay as they are. */
  close(): void {
    this.#servers.close();
  }

  /** Why no pod could get a network, or undefined if one could. */
  async problem(): Promise<PluginError | undefined> {
    try {
      const list = await loadNetworkConfig(this.#options.confDir);
      const types = list.plugins.map(({ type }) => type);
      const missing = types.find((type) => findPlugin(type, this.#options.binDirs) === undefined);
      return missing === undefined ? await this.#readiness.problem(list) : this.#missingPlugin(missing, list.name);
    } catch (error) {
      return PluginError.from(error);
    }
  }

  /**
   * Takes back what pods that have ended without a DEL, in a crash or a reboot, left on networks: DEL for what is kept of them, with the
   * configuration that their ADD ran; then GC, where the network of new pods is of CNI 1.1.0 and configured below the shim's root. On any other
   * there may be pods of other runtimes, whose addresses GC would give away. `living` names this root's pods. What fails is returned.
   */
  async collectGarbage(living: () => Promise<AttachmentName[]>, signal: AbortSignal): Promise<PluginError[]> {
    const runner = this.#runner();
    const valid = async (): Promise<AttachmentName[]> => [...(await living()), ...attachedByHand(await runner.cachedAttachments())];
    const failures: PluginError[] = [];
    const collect = (collection: Promise<void>) => collection.catch((error: unknown) => failures.push(PluginError.from(error)));
    const own = await this.#ownNetwork();
    for (const list of keptLists(await runner.cachedAttachments())) {
      if (list.name !== own?.name) await collect(runner.delStale(list, valid, signal));
    }
    if (own) await collect(own.disableGC ? runner.delStale(own, valid, signal) : runner.gc(own, valid, signal));
    return failures;
  }

  /** For a person: where its configuration comes from, and what that is at present. */
  async describe(): Promise<object> {
    const { confDir, binDirs } = this.#options;
    const configuration = await loadNetworkConfig(confDir).catch((error: Error) => ({ problem: error.message }));
    return { confDir, binDirs, configuration };
  }

  /** What `attach` will run, to be recorded before it does: after a crash in its middle, `detach` needs it. */
  async plan(config: PodSandboxConfig): Promise<Attached> {
    const { ranges } = this.#options.podCidr;
    const list = await loadNetworkConfig(this.#options.confDir);
    checkHostPorts(config, list);
    return {
      list: JSON.stringify(list),
      ips: [],
      ...(ranges.length > 0 && { ipRanges: ranges }),
    };
  }

  /** ADD, as planned; gives the pod's addresses. After a failure it has run DEL. */
  async attach(netns: string, { id, config, planned }: Attachable, { signal, deadline }: CallContext): Promise<string[]> {
    const list = JSON.parse(planned.list) as NetworkConfigList;
    const runner = this.#runner(id, timeLimit(deadline));
    bringUpLoopback(netns);
    const ips = addresses(await runner.add(list, attachment(id, netns, config, planned), signal));
    if (ips.length > 0) return ips;
    await this.detach(id, netns, config, planned, AbortSignal.timeout(cleanUpLimitMs));
    throw new PluginError('INTERNAL', 'its plugins gave the pod no address', {
      object: `CNI network ${list.name}`,
      hint: 'configure an ipam plugin, such as host-local',
    });
  }

  /**
   * DEL. Succeeds where nothing is left, also when the namespace itself is gone. Of a pod that was never attached (its ADD
   * failed) a plugin that fails DEL too is logged only: the pod would hang for ever on a plugin that doesn't work.
   */
  async detach(sandboxId: string, netns: string, config: PodSandboxConfig, attached: Attached, signal: AbortSignal): Promise<void> {
    try {
      await this.#delete(sandboxId, netns, config, attached, signal);
    } catch (error) {
      if (attached.ips.length > 0) throw error;
      this.#options.log.warn({ err: error, sandboxId }, 'could not clean up after an ADD that failed');
    }
  }

  async #delete(sandboxId: string, netns: string, config: PodSandboxConfig, attached: Attached, signal: AbortSignal): Promise<void> {
    const list = JSON.parse(attached.list) as NetworkConfigList;
    // The pin of a namespace that is gone (after a reboot) is a plain file or none: plugins are told so by an empty path.
    const left = isNamespaceFile(netns) ? netns : '';
    await this.#runner(sandboxId).del(list, attachment(sandboxId, left, config, attached), signal);
  }

  /** The network of new pods where it is nobody else's: its file, followed through links, is below the root. */
  async #ownNetwork(): Promise<NetworkConfigList | undefined> {
    const { confDir, root } = this.#options;
    const list = await loadNetworkConfig(confDir).catch(() => undefined);
    const file = list?.file && (await realpath(list.file).catch(() => undefined));
    return file?.startsWith(join(root, '/')) ? list : undefined;
  }

  #missingPlugin(type: string, network: string): PluginError {
    return new PluginError('FAILED_PRECONDITION', `plugin ${type} is not in ${this.#options.binDirs.join(', ')}`, {
      object: `CNI network ${network}`,
      hint: 'install it there',
    });
  }

  #runner(sandboxId?: string, timeLimitMs: number = pluginLimitMs): CniRunner {
    const { binDirs, cacheDir, calls } = this.#options;
    return new CniRunner({
      pluginDirs: binDirs,
      cacheDir,
      timeLimitMs,
      execute: this.#servers.execute,
      observe: (execution) => calls.append(recordOf(execution, sandboxId ?? execution.containerId)),
      locks: this.#locks,
    });
  }
}

/** One list for each network of which something is kept; attachments whose list can't be read are left to their pods' DEL. */
function keptLists(kept: CachedAttachment[]): NetworkConfigList[] {
  return [...new Map(kept.flatMap(({ network, list }) => (list ? [[network, list] as const] : []))).values()];
}

/** So that a plugin which doesn't end is named to the caller before the caller's deadline passes. */
function timeLimit(deadline: number | undefined): number {
  if (deadline === undefined) return pluginLimitMs;
  return Math.min(pluginLimitMs, Math.max(answerMs, deadline - Date.now() - cleanUpLimitMs - answerMs));
}

function attachment(sandboxId: string, netns: string, config: PodSandboxConfig, { ipRanges }: Attached): Attachment {
  const { name = '', namespace = '', uid = '' } = config.metadata ?? {};
  const args: [string, string][] = [
    ['IgnoreUnknown', '1'],
    ['K8S_POD_NAMESPACE', namespace],
    ['K8S_POD_NAME', name],
    ['K8S_POD_INFRA_CONTAINER_ID', sandboxId],
    ['K8S_POD_UID', uid],
  ];
  return { containerId: sandboxId, netns, ifName: podInterface, args, capabilityArgs: capabilityArgs(config, ipRanges) };
}

/** Ports of the host that nobody maps would be a pod that runs and can't be reached. */
function checkHostPorts({ portMappings, metadata }: PodSandboxConfig, { name, plugins }: NetworkConfigList): void {
  const mapped = portMappings.find(({ hostPort }) => hostPort > 0);
  if (!mapped || plugins.some(({ capabilities }) => capabilities?.portMappings === true)) return;
  throw new PluginError(
    'FAILED_PRECONDITION',
    `port ${mapped.hostPort} of the host can't be mapped: no plugin of CNI network ${name} does that`,
    {
      object: `pod ${metadata?.namespace}/${metadata?.name}`,
      hint: 'add a plugin "portmap" with "capabilities": {"portMappings": true} to its configuration',
    },
  );
}

/**
 * By the names of CNI's CONVENTIONS.md. A list of no ports says that there are none, which spares a plugin the search for rules of theirs;
 * `ipRanges` are lists of ranges, of each of which the pod has one address.
 */
function capabilityArgs({ portMappings }: PodSandboxConfig, ipRanges: string[] | undefined): Record<string, unknown> {
  const mapped = portMappings.filter((mapping) => mapping.hostPort > 0).map(portMapping);
  return {
    portMappings: mapped,
    ...(ipRanges && { ipRanges: ipRanges.map((subnet) => [{ subnet }]) }),
  };
}

/** The `portMappings` capability of CNI's CONVENTIONS.md. */
function portMapping({ hostPort, containerPort, protocol, hostIp }: PortMapping): object {
  const protocols: Record<number, string> = { [Protocol.TCP]: 'tcp', [Protocol.UDP]: 'udp', [Protocol.SCTP]: 'sctp' };
  return { hostPort, containerPort, protocol: protocols[protocol] ?? 'tcp', ...(hostIp && { hostIP: hostIp }) };
}

function addresses(result: Result): string[] {
  return (result.ips ?? []).map(({ address }) => address.split('/')[0] as string);
}

function recordOf(execution: Execution, sandboxId: string): CallRecord {
  const parent = currentTrace();
  return {
    ...newSpan(parent),
    ...(parent && { parentSpanId: parent.spanId }),
    protocol: 'cni' as const,
    plugin: execution.plugin,
    method: execution.verb,
    ...(execution.ifName && { subject: execution.ifName }),
    ...(sandboxId && { sandboxId }),
    startedAt: execution.startedAt,
    durationMs: execution.durationMs,
    outcome: execution.error ? PluginError.from(execution.error).code : ('OK' as const),
    ...(execution.error && { message: execution.error.message }),
    execution: recordedExecution(execution),
  };
}

/** What `berth cni add` has attached of namespaces that are there: no pods, and none of theirs to take back. */
function attachedByHand(kept: CachedAttachment[]): AttachmentName[] {
  return kept.flatMap(({ attachment: one }) => (one.containerId.startsWith('cnitool-') && isNamespaceFile(one.netns) ? [one] : []));
}
