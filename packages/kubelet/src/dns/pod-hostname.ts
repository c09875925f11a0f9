import type { Pod } from '@berth/api/objects';
import { PluginError } from '@berth/sdk/errors';
import { fullNameOf, nameOf, namespaceOf, specOf } from '../pod.ts';

/** What a pod is called: on its own, and below which domain others find it. */
export interface PodHostname {
  hostname: string;
  /** Empty where the pod has no subdomain. */
  domain: string;
}

/** The longest host name that Linux has, and the longest that fits its kernel's field with a domain. */
const [hostnameLimit, kernelHostnameLimit] = [63, 64];

/** The pod's own host name, or its name cut to what a host name may be; hostnameOverride stands above both, and has no domain (kubelet_pods.go, GeneratePodHostNameAndDomain). */
export function podHostname(pod: Pod, clusterDomain: string): PodHostname {
  const { hostname, hostnameOverride, subdomain } = specOf(pod);
  if (hostnameOverride !== undefined) return { hostname: hostnameOverride, domain: '' };
  const services = clusterDomain ? `svc.${clusterDomain}` : 'svc';
  const domain = subdomain ? `${subdomain}.${namespaceOf(pod)}.${services}` : '';
  return { hostname: (hostname || nameOf(pod)).slice(0, hostnameLimit).replace(/[-.]+$/, ''), domain };
}

/**
 * The name that the pod's kernel gives (`uname -n`): with its domain where setHostnameAsFQDN asks for that. Empty in the host's network.
 * INVALID_ARGUMENT for one that the kernel has no room for.
 */
export function kernelHostname(pod: Pod, clusterDomain: string): string {
  const { hostNetwork, setHostnameAsFQDN } = specOf(pod);
  if (hostNetwork) return '';
  const { hostname, domain } = podHostname(pod, clusterDomain);
  if (!domain || !setHostnameAsFQDN) return hostname;
  const fqdn = `${hostname}.${domain}`;
  if (fqdn.length <= kernelHostnameLimit) return fqdn;
  const what = `failed to construct FQDN from pod hostname and cluster domain, FQDN ${fqdn} is too long (${kernelHostnameLimit} characters is the max, ${fqdn.length} characters requested)`;
  const hint = 'shorten spec.hostname or spec.subdomain, or leave out spec.setHostnameAsFQDN';
  throw new PluginError('INVALID_ARGUMENT', what, { object: `pod ${fullNameOf(pod)}`, hint });
}
