import type { Pod } from '@berth/api/objects';
import type { ResizeRefusal } from '../plan/observed-pod.ts';

/**
 * Decides whether a running pod may have the resources that its spec asks for by now; undefined: it may, and they are its own from then
 * on. Asked again and again as long as it answers `Deferred`, and after `Infeasible` only once the spec has changed. Doesn't throw.
 */
export type ResizeAdmission = (pod: Pod) => ResizeRefusal | undefined;
