import { readFile, writeFile } from 'node:fs/promises';
import type { Container } from '@berth/api/objects';
import { Mount, MountPropagation } from '@berth/sdk/cri';
import { hostNetworkHostsFile, podHostsFile } from '../dns/hosts-file.ts';
import { specOf } from '../pod.ts';
import type { ActionContext } from './action-context.ts';

const hostsPath = '/etc/hosts';

/**
 * Writes the pod's hosts file and gives its mount: none where the container mounts a volume there, or where the pod's addresses aren't
 * known. Written before each start, since a new sandbox has other addresses.
 */
export async function hostsMount(
  { pod, directories, environment }: ActionContext,
  container: Container,
  podIPs: string[],
): Promise<Mount[]> {
  const { hostNetwork, hostAliases } = specOf(pod);
  if (container.volumeMounts?.some(({ mountPath }) => mountPath === hostsPath)) return [];
  if (!hostNetwork && podIPs.length === 0) return [];
  const content = hostNetwork
    ? hostNetworkHostsFile(await readFile(hostsPath, 'utf8'), hostAliases)
    : podHostsFile(podIPs, environment.dns.hostnameOf(pod), hostAliases);
  const hostPath = directories.hostsFile(pod);
  await writeFile(hostPath, content, { mode: 0o644 });
  return [Mount.create({ hostPath, containerPath: hostsPath, selinuxRelabel: true, propagation: MountPropagation.PROPAGATION_PRIVATE })];
}
