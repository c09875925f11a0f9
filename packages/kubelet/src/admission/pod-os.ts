import type { Node } from '@berth/api/objects';
import { specOf } from '../pod.ts';
import type { AdmitHandler } from './admit-handler.ts';

const osLabel = 'kubernetes.io/os';

/** A pod for another operating system can't run here. */
export function podOsHandler(node: () => Node): AdmitHandler {
  return {
    admit({ pod }) {
      const own = node().metadata?.labels?.[osLabel];
      const [field, label] = [specOf(pod).os?.name, pod.metadata?.labels?.[osLabel]];
      if (label !== undefined && label !== own) {
        const message = "Failed to admit pod as the `kubernetes.io/os` label doesn't match node label";
        return { reason: 'PodOSSelectorNodeLabelDoesNotMatch', message };
      }
      if (field === undefined || field === own) return undefined;
      return { reason: 'PodOSNotSupported', message: "Failed to admit pod as the OS field doesn't match node OS" };
    },
  };
}
