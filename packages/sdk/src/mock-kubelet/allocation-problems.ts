import { isWholePath, problemsOfResponse } from '../device/allocate-response.ts';
import type { ContainerAllocateResponse, ContainerPreferredAllocationRequest } from '../gen/device-plugin.ts';
import { quoted } from '../quoted.ts';

/** What is wrong with an answer to GetPreferredAllocation, with its cure; of what it names, what may be had counts all the same. */
export function* problemsOfPreference(
  answer: readonly string[],
  { availableDeviceIDs, mustIncludeDeviceIDs, allocationSize }: ContainerPreferredAllocationRequest,
): Generator<string, void> {
  const available = new Set(availableDeviceIDs);
  const strangers = answer.filter((id) => !available.has(id));
  if (strangers.length > 0) yield `it prefers ${list(strangers)}, which it was not offered; choose from available_deviceIDs`;
  if (new Set(answer).size !== answer.length) yield `it names a device twice: ${list(answer)}; name each once`;
  if (answer.length !== allocationSize)
    yield `it was asked for ${allocationSize} and prefers ${answer.length}; answer with allocation_size ids`;
  const missing = mustIncludeDeviceIDs.filter((id) => !answer.includes(id));
  if (missing.length > 0) yield `it leaves out ${list(missing)}; all of must_include_deviceIDs are in the choice in any case`;
}

/** What there is at a path of this host. */
export type FileKind = 'device' | 'directory' | 'other' | 'none';

/** What is wrong with an answer to Allocate on this host, with its cure. */
export function* problemsOfAllocation(response: ContainerAllocateResponse, kindOf: (path: string) => FileKind): Generator<string, void> {
  yield* problemsOfResponse(response);
  for (const { hostPath } of response.mounts) {
    if (isWholePath(hostPath) && kindOf(hostPath) === 'none') yield `the mount ${quoted(hostPath)} is not there on this host; name what is`;
  }
  for (const { hostPath } of response.devices) {
    if (isWholePath(hostPath) && !['device', 'directory'].includes(kindOf(hostPath)))
      yield `the device ${quoted(hostPath)} is no device of this host; name a device file, or a directory of such`;
  }
}

function list(ids: readonly string[]): string {
  return quoted(ids);
}
