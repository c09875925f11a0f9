import type { Taint } from '@berth/api/objects';
import { toleratesTaint } from '@berth/api/tolerations';
import type { NodeInfo, PodInfo, Refusal } from '@berth/sdk/scheduler';
import type { CycleState } from '../cycle-state.ts';
import type { ClusterEventWithHint, EnqueueExtensions, FilterPlugin } from '../framework.ts';

const cordoned: Refusal = { code: 'UnschedulableAndUnresolvable', reasons: ['node(s) were unschedulable'] };
const taint: Taint = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' };

/** A cordoned node (`spec.unschedulable`) takes only pods that tolerate that. */
export class NodeUnschedulable implements FilterPlugin, EnqueueExtensions {
  readonly name = 'NodeUnschedulable';

  eventsToRegister(): ClusterEventWithHint[] {
    return [{ resource: 'Node', actions: ['Add', 'Update'], hint: (_pod, { node }) => !node?.node.spec?.unschedulable }];
  }

  filter(_state: CycleState, { pod }: PodInfo, { node }: NodeInfo): Refusal | undefined {
    if (!node.spec?.unschedulable) return undefined;
    return (pod.spec?.tolerations ?? []).some((toleration) => toleratesTaint(toleration, taint)) ? undefined : cordoned;
  }
}
