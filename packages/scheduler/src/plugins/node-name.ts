import type { NodeInfo, PodInfo, Refusal } from '@berth/sdk/scheduler';
import type { CycleState } from '../cycle-state.ts';
import type { ClusterEventWithHint, EnqueueExtensions, FilterPlugin } from '../framework.ts';

const mismatch: Refusal = { code: 'UnschedulableAndUnresolvable', reasons: ["node(s) didn't match the requested node name"] };

/** A pod that names its node gets no other. */
export class NodeName implements FilterPlugin, EnqueueExtensions {
  readonly name = 'NodeName';

  eventsToRegister(): ClusterEventWithHint[] {
    return [{ resource: 'Node', actions: ['Add'], hint: ({ pod }, { node }) => pod.spec?.nodeName === node?.name }];
  }

  filter(_state: CycleState, { pod }: PodInfo, node: NodeInfo): Refusal | undefined {
    return !pod.spec?.nodeName || pod.spec.nodeName === node.name ? undefined : mismatch;
  }
}
