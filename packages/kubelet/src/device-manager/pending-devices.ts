import type { Container, Pod } from '@berth/api/objects';
import { uidOf } from '../pod.ts';
import type { DeviceHoldings } from './device-holdings.ts';
import { deviceRequests } from './device-requests.ts';

/** The resources of which the container is to have devices, and has no answer of their plugin. */
export function pendingDevices(holdings: DeviceHoldings, pod: Pod, container: Container): string[] {
  return [...deviceRequests(container).keys()].filter((resource) => {
    const holder = { uid: uidOf(pod), container: container.name, resource };
    return !holdings.get(holder)?.answer && !holdings.hasUnknownDevices(holder);
  });
}
