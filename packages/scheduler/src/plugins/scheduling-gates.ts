import type { PodInfo, Refusal } from '@berth/sdk/scheduler';
import type { PreEnqueuePlugin } from '../framework.ts';

/** A pod with scheduling gates waits until they are taken away. */
export class SchedulingGates implements PreEnqueuePlugin {
  readonly name = 'SchedulingGates';

  preEnqueue({ pod }: PodInfo): Refusal | undefined {
    const gates = (pod.spec?.schedulingGates ?? []).map(({ name }) => name);
    if (gates.length === 0) return undefined;
    return { code: 'UnschedulableAndUnresolvable', reasons: [`waiting for scheduling gates: [${gates.join(' ')}]`] };
  }
}
