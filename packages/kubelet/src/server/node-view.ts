import type { Event, Pod } from '@berth/api/objects';
import type { PodTrace } from '../trace/pod-traces.ts';

/** What the server shows of the node. */
export interface NodeView {
  /** Spec and status of every pod. */
  pods(): Pod[];
  events(): Event[];
  trace(pod: Pod): PodTrace | undefined;
  logDirectory(pod: Pod): string;
}
