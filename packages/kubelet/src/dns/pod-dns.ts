import { readFile } from 'node:fs/promises';
import type { Pod } from '@berth/api/objects';
import { DNSConfig } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import { namespaceOf, specOf } from '../pod.ts';
import { kernelHostname, type PodHostname, podHostname } from './pod-hostname.ts';
import { parseResolvConf } from './resolv-conf.ts';
import { fitResolver } from './resolver-limits.ts';

/** How pods of the node find names; the fields are KubeletConfiguration's. */
export interface DnsOptions {
  /** Addresses of the cluster's DNS servers; empty where there are none. */
  clusterDNS: string[];
  /** Below which the cluster's services are: `cluster.local`; empty where there is none. */
  clusterDomain: string;
  /** The resolv.conf that pods get the host's settings from; empty: pods get none, and look no names up outside the cluster. */
  resolvConf: string;
}

/** kubelet's own where its configuration says nothing. */
const defaultDns: DnsOptions = { clusterDNS: [], clusterDomain: '', resolvConf: '/etc/resolv.conf' };

/** A pod's resolver, and what has to be told of it as warning events. */
interface PodResolver {
  config: DNSConfig;
  warnings: { reason: string; message: string }[];
}

/** Cluster services have up to five dots in their names. */
const clusterOptions = ['ndots:5'];

/** What pods are called, and what their resolv.conf says. */
export class PodDns {
  readonly #options: DnsOptions;

  constructor(options: Partial<DnsOptions> = {}) {
    this.#options = { ...defaultDns, ...options };
  }

  /** For the hosts file. */
  hostnameOf(pod: Pod): PodHostname {
    return podHostname(pod, this.#options.clusterDomain);
  }

  /** For the sandbox; INVALID_ARGUMENT for one that the kernel has no room for. */
  kernelHostnameOf(pod: Pod): string {
    return kernelHostname(pod, this.#options.clusterDomain);
  }

  /**
   * By the pod's dnsPolicy, its dnsConfig on top. ClusterFirst without a cluster's DNS is Default, of which a node with a cluster domain
   * warns. The host's resolv.conf is read anew for each pod, since the host may move to another network.
   */
  async resolverOf(pod: Pod): Promise<PodResolver> {
    const { clusterDNS, clusterDomain } = this.#options;
    const cluster = isForCluster(pod);
    const { config, cuts } = fitResolver(withOwn(await this.#base(pod, cluster && clusterDNS.length > 0), pod));
    const fallback =
      'kubelet does not have ClusterDNS IP configured and cannot create Pod using "ClusterFirst" policy. Falling back to "Default" policy.';
    return {
      config,
      warnings: [
        ...(cluster && clusterDomain && clusterDNS.length === 0 ? [{ reason: 'MissingClusterDNS', message: fallback }] : []),
        ...cuts.map((message) => ({ reason: 'DNSConfigForming', message })),
      ],
    };
  }

  async #base(pod: Pod, cluster: boolean): Promise<DNSConfig> {
    const { clusterDNS } = this.#options;
    if (specOf(pod).dnsPolicy === 'None') return DNSConfig.create();
    const host = await this.#hostDns();
    return cluster ? { servers: clusterDNS, searches: this.#clusterSearches(pod, host.searches), options: clusterOptions } : host;
  }

  #clusterSearches(pod: Pod, hostSearches: string[]): string[] {
    const { clusterDomain } = this.#options;
    if (!clusterDomain) return hostSearches;
    const services = `svc.${clusterDomain}`;
    return [...new Set([`${namespaceOf(pod)}.${services}`, services, clusterDomain, ...hostSearches])];
  }

  async #hostDns(): Promise<DNSConfig> {
    const { resolvConf } = this.#options;
    // An empty server list would make runtimes put in the host's own.
    if (!resolvConf) return { servers: ['127.0.0.1'], searches: ['.'], options: [] };
    return parseResolvConf(await readFile(resolvConf, 'utf8').catch((error: unknown) => missingIsEmpty(error, resolvConf)));
  }
}

/** A host without the file that there is by default looks no names up; another file has to be there. */
function missingIsEmpty(error: unknown, resolvConf: string): string {
  if (resolvConf === defaultDns.resolvConf && PluginError.from(error).code === 'NOT_FOUND') return '';
  throw PluginError.from(error, 'FAILED_PRECONDITION', {
    object: `resolvConf ${resolvConf}`,
    hint: 'let resolvConf name a file that can be read',
  });
}

/** ClusterFirst in the host's network is Default. */
function isForCluster(pod: Pod): boolean {
  const { dnsPolicy = 'ClusterFirst', hostNetwork } = specOf(pod);
  return dnsPolicy === 'ClusterFirstWithHostNet' || (dnsPolicy === 'ClusterFirst' && !hostNetwork);
}

/** The pod's own servers and domains come after, and its options replace those of the same name. */
function withOwn(base: DNSConfig, pod: Pod): DNSConfig {
  const { nameservers = [], searches = [], options: own = [] } = specOf(pod).dnsConfig ?? {};
  const options = new Map(
    [...base.options, ...own.map(({ name = '', value }) => (value === undefined ? name : `${name}:${value}`))].map(byName),
  );
  return {
    servers: [...new Set([...base.servers, ...nameservers])],
    searches: [...new Set([...base.searches, ...searches])],
    options: [...options.values()],
  };
}

function byName(option: string): [string, string] {
  return [option.split(':')[0] ?? option, option];
}
