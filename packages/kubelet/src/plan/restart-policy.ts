import type { Container, Pod } from '@berth/api/objects';
import { isInitContainer, specOf } from '../pod.ts';

/** What follows when a container has ended: nothing, its restart, or that of all of the pod's containers. */
type Consequence = 'none' | 'restart' | 'restart-all';

/**
 * What a container's end with this exit code leads to: by the first of its restartPolicyRules that matches, else by its own restartPolicy,
 * else by the pod's. An init container that succeeded has done its work, unless it is a sidecar; an ephemeral one has in any case.
 */
export function consequenceOf(pod: Pod, container: Container, exitCode: number): Consequence {
  if (specOf(pod).ephemeralContainers?.includes(container)) return 'none';
  const rule = container.restartPolicyRules?.find(({ exitCodes }) => exitCodes && matches(exitCodes, exitCode));
  if (rule?.action === 'RestartAllContainers') return 'restart-all';
  if (exitCode === 0 && isInitContainer(pod, container) && container.restartPolicy !== 'Always') return 'none';
  const policy = policyOf(pod, container);
  return rule || policy === 'Always' || (policy === 'OnFailure' && exitCode !== 0) ? 'restart' : 'none';
}

/** Whether a container that the node stops because it failed is started again, whatever its exit code. */
export function restartsAfterStop(pod: Pod, container: Container): boolean {
  return policyOf(pod, container) !== 'Never';
}

function policyOf(pod: Pod, container: Container): string {
  return container.restartPolicy ?? specOf(pod).restartPolicy ?? 'Always';
}

function matches({ operator, values = [] }: { operator: string; values?: number[] }, exitCode: number): boolean {
  return values.includes(exitCode) === (operator === 'In');
}
