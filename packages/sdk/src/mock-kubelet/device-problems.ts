import { deviceHealthy, deviceUnhealthy } from '../device/constants.ts';
import { longestId, problemOfId } from '../device/device-id.ts';
import type { Device } from '../gen/device-plugin.ts';
import { quoted } from '../quoted.ts';

/** What is wrong with a list of devices, each with its cure; but for devices that are left out a kubelet may take it all the same. */
export function problemsOfDevices(devices: readonly Device[]): string[] {
  const seen = new Set<string>();
  const twice = new Set<string>();
  for (const { ID } of devices) (seen.has(ID) ? twice : seen).add(ID);
  const repeated = [...twice].map((id) => `the id ${quoted(id)} comes twice; give each device an id of its own`);
  return [...devices.flatMap((device) => [...problemsOfDevice(device)]), ...repeated];
}

function* problemsOfDevice({ ID, health, topology }: Device): Generator<string, void> {
  const device = `the device ${quoted(ID)}`;
  const problem = problemOfId(ID);
  if (problem !== undefined) return yield `${device} is left out: ${problem}; give it an id of 1 to ${longestId} printable characters`;
  if (ID.length > longestId) yield `${device} has an id of ${ID.length} characters; give it 1 to ${longestId}`;
  if (health !== deviceHealthy && health !== deviceUnhealthy)
    yield `${device} has the health ${quoted(health)}, which counts as unhealthy; write ${deviceHealthy} or ${deviceUnhealthy}`;
  const unlikely = topology?.nodes.find((node) => node.ID < 0n);
  if (unlikely) yield `${device} is near to the NUMA node ${unlikely.ID}; leave the topology out for a device that is near to nothing`;
}
