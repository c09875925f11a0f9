import type { AllocatedDevices } from '@berth/sdk/mock-kubelet';
import { escaped, shortened } from '@berth/sdk/quoted';

/** What a container has got, and what it needs for that, for people. */
export function allocatedLines({ container, resource, ids, response }: AllocatedDevices): string[] {
  const { envs, mounts, devices, annotations, cdiDevices } = response;
  const needs = [
    ...Object.entries(envs).map(([name, value]) => `env         ${name}=${value}`),
    ...mounts.map(({ hostPath, containerPath, readOnly }) => `mount       ${hostPath} on ${containerPath}${readOnly ? ', read-only' : ''}`),
    ...devices.map(({ hostPath, containerPath, permissions }) => `device      ${hostPath} as ${containerPath} (${permissions})`),
    ...Object.entries(annotations).map(([name, value]) => `annotation  ${name}=${value}`),
    ...cdiDevices.map(({ name }) => `CDI device  ${name}`),
  ];
  return [`${container} has ${resource} ${ids.map(shortened).join(' ')}`, ...needs.map((line) => `  ${line}`)].map(escaped);
}
