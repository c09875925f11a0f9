import type { Taint } from '@berth/api/objects';

/** How a node shows itself. Fields are those of KubeletConfiguration and kubelet's flags. */
export interface NodeStatusOptions {
  /** Besides those of host name, operating system and architecture. */
  nodeLabels: Record<string, string>;
  registerWithTaints: Taint[];
  /** The node's addresses, at most one of each family; empty: the host's first one. */
  nodeIPs: readonly string[];
  providerID: string;
  /** How often the status is looked at. */
  nodeStatusUpdateFrequencyMs: number;
  /** How often it is told although nothing has changed. */
  nodeStatusReportFrequencyMs: number;
  /** Renewed after a quarter of it. */
  nodeLeaseDurationSeconds: number;
  /** The most images in the status, the largest first; -1: all. */
  nodeStatusMaxImages: number;
}

/** kubelet's. */
export const defaultNodeStatus: NodeStatusOptions = {
  nodeLabels: {},
  registerWithTaints: [],
  nodeIPs: [],
  providerID: '',
  nodeStatusUpdateFrequencyMs: 10_000,
  nodeStatusReportFrequencyMs: 5 * 60_000,
  nodeLeaseDurationSeconds: 40,
  nodeStatusMaxImages: 50,
};
