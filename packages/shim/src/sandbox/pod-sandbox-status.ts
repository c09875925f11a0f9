import type { PodSandboxStatusRequest, PodSandboxStatusResponse } from '@berth/sdk/cri';
import { containerStatusOf } from '../container/cri-status.ts';
import { nanoseconds } from '../identifiers.ts';
import type { Shim } from '../shim.ts';
import { sandboxStatusOf } from './cri-status.ts';

/** CRI PodSandboxStatus; NOT_FOUND for a sandbox that isn't there. */
export function podSandboxStatus(shim: Shim, { podSandboxId, verbose }: PodSandboxStatusRequest): PodSandboxStatusResponse {
  const sandbox = shim.sandboxes.get(podSandboxId);
  const made = shim.containers.ofSandbox(sandbox.id).filter(({ record }) => record.phase !== 'creating');
  const containersStatuses = made.map(containerStatusOf);
  const info: Record<string, string> = verbose
    ? { info: JSON.stringify({ phase: sandbox.record.phase, namespaces: sandbox.record.namespaces, files: sandbox.record.files }) }
    : {};
  return { status: sandboxStatusOf(sandbox), info, containersStatuses, timestamp: nanoseconds(Date.now()) };
}
