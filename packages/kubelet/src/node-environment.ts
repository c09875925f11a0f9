import type { Service } from '@berth/api/objects';
import type { ResourceAmounts } from '@berth/api/resource-amounts';
import type { AdmitHandler } from './admission/admit-handler.ts';
import { type SysctlOptions, Sysctls } from './admission/sysctls.ts';
import type { Clock } from './clock.ts';
import { type DnsOptions, PodDns } from './dns/pod-dns.ts';
import { hostAddresses } from './host-facts.ts';
import {
  type CredentialPluginMetrics,
  CredentialPlugins,
  type CredentialPluginsOptions,
} from './images/credential-plugins/credential-plugins.ts';
import { ImageCredentialSources } from './images/image-credentials.ts';
import { type PullLimitOptions, PullLimits } from './images/pull-limits.ts';
import { RuntimeFeaturesCache } from './runtime/runtime-features.ts';
import { noObjects } from './sources/no-objects.ts';
import type { ObjectSource } from './sources/object-source.ts';
import type { PodTraces } from './trace/pod-traces.ts';
import { UserNamespaces, type UserNamespacesOptions } from './userns/user-namespaces.ts';

/** What a node lends to its pods besides volumes and resources. */
export interface EnvironmentOptions {
  /** The config maps, secrets and service accounts that pods refer to; undefined: there are none. */
  objects?: ObjectSource;
  /** The cluster's services as they are now, for the variables by which pods find them; undefined: there are none. */
  services?(): readonly Service[];
  /** How pods find names; kubelet's defaults. */
  dns?: Partial<DnsOptions>;
  /** Which sysctls pods may set; kubelet's defaults. */
  sysctls?: Partial<SysctlOptions>;
  /** Whether a pod that says nothing of seccomp gets the runtime's default profile, not none. Default true, unlike kubelet's. */
  seccompDefault?: boolean;
  /** From which ids pods with user namespaces get theirs; kubelet's defaults. */
  userNamespaces?: Partial<UserNamespacesOptions>;
  /** How many images are pulled at a time; kubelet's defaults. */
  pullLimits?: Partial<PullLimitOptions>;
  /** Programs that know logins at registries; undefined: there are none. */
  credentialPlugins?: CredentialPluginsOptions;
}

interface HostOptions {
  kubeletRoot: string;
  /** The node's address; undefined: those of the host's interfaces. */
  nodeIP?: string;
}

interface NodeEnvironmentParts {
  clock: Clock;
  traces: PodTraces;
  metrics: CredentialPluginMetrics;
  allocatable(): ResourceAmounts;
}

/** What all pods of the node have from it: names, addresses, and the objects that they refer to. */
export class NodeEnvironment {
  readonly dns: PodDns;
  readonly objects: ObjectSource;
  readonly services: () => readonly Service[];
  /** Addresses of the host, the preferred one first. */
  readonly hostIPs: () => string[];
  /** What the node has for pods. */
  readonly allocatable: () => ResourceAmounts;
  /** Ask of a pod only what the node can lend. */
  readonly admitHandlers: AdmitHandler[];
  readonly features = new RuntimeFeaturesCache();
  readonly userNamespaces: UserNamespaces;
  readonly seccompDefault: boolean;
  readonly pullLimits: PullLimits;
  readonly credentials: ImageCredentialSources;

  /** INVALID_ARGUMENT for options that contradict themselves. */
  constructor(options: EnvironmentOptions & HostOptions, { clock, traces, metrics, allocatable }: NodeEnvironmentParts) {
    const { nodeIP } = options;
    this.hostIPs = nodeIP === undefined ? hostAddresses : () => [nodeIP];
    this.allocatable = allocatable;
    this.objects = options.objects ?? noObjects;
    this.services = options.services ?? (() => []);
    this.dns = new PodDns(options.dns);
    this.admitHandlers = [new Sysctls(options.sysctls)];
    this.userNamespaces = new UserNamespaces(options.kubeletRoot, options.userNamespaces);
    this.seccompDefault = options.seccompDefault ?? true;
    this.pullLimits = new PullLimits(options.pullLimits ?? {}, clock);
    const plugins = options.credentialPlugins && new CredentialPlugins(options.credentialPlugins, { clock, traces, metrics });
    this.credentials = new ImageCredentialSources(this.objects, options.kubeletRoot, plugins);
  }
}
