import {
  CgroupDriver,
  type RuntimeConfigResponse,
  type UpdateRuntimeConfigRequest,
  type UpdateRuntimeConfigResponse,
} from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import type { Shim } from './shim.ts';

/** CRI RuntimeConfig; UNIMPLEMENTED, which tells clients to go by their own settings, for a runtime without cgroups. */
export function runtimeConfig({ features, handler }: Shim): RuntimeConfigResponse {
  if (features.cgroupDriver === undefined) {
    throw new PluginError('UNIMPLEMENTED', 'it has no cgroup driver', { object: `runtime ${handler}` });
  }
  return { linux: { cgroupDriver: features.cgroupDriver === 'systemd' ? CgroupDriver.SYSTEMD : CgroupDriver.CGROUPFS } };
}

/** CRI UpdateRuntimeConfig: takes the pods' range of addresses, for the networks of pods to come. */
export async function updateRuntimeConfig(
  { podCidr }: Shim,
  { runtimeConfig: told }: UpdateRuntimeConfigRequest,
): Promise<UpdateRuntimeConfigResponse> {
  await podCidr.set(told?.networkConfig?.podCidr ?? '');
  return {};
}
