import type { QueuedPod, QueueSortPlugin } from '../framework.ts';
import { priorityOf } from '../pod-info.ts';

/** Greater priority first, then who came first. */
export class PrioritySort implements QueueSortPlugin {
  readonly name = 'PrioritySort';

  compare(left: QueuedPod, right: QueuedPod): number {
    return priorityOf(right.info) - priorityOf(left.info) || left.timestamp - right.timestamp;
  }
}
