import type { NodeInfo, PodInfo, Refusal } from '@berth/sdk/scheduler';
import type { CycleState } from '../cycle-state.ts';
import type { FilterPlugin } from '../framework.ts';

const mismatch: Refusal = { code: 'UnschedulableAndUnresolvable', reasons: ["node(s) didn't match the requested node name"] };

/** A pod that names its node gets no other. */
export class NodeName implements FilterPlugin {
  readonly name = 'NodeName';

  filter(_state: CycleState, { pod }: PodInfo, node: NodeInfo): Refusal | undefined {
    return !pod.spec?.nodeName || pod.spec.nodeName === node.name ? undefined : mismatch;
  }
}
