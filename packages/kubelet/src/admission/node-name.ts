import { specOf } from '../pod.ts';
import type { AdmitHandler } from './admit-handler.ts';

/** The rule NodeName: a pod that names a node is for that one. */
export function nodeNameHandler(nodeName: string): AdmitHandler {
  return {
    admit({ pod }) {
      const asked = specOf(pod).nodeName;
      if (!asked || asked === nodeName) return undefined;
      return { reason: 'NodeName', message: "Predicate NodeName failed: node(s) didn't match the requested node name" };
    },
  };
}
