import { rejection } from '../admission/pod-admission.ts';
import type { Refusal } from '../plan/observed-pod.ts';
import type { ActionContext } from './action-context.ts';
import { ActionFailure } from './action-failure.ts';

/** Once device plugins have allocated what was set apart for the pod at its admission: why the pod can't run here, if so. */
export function allocateDevices({ pod, devices, events }: ActionContext, signal: AbortSignal): Promise<Refusal | undefined> {
  return ActionFailure.explain('FailedAllocateDevices', 'device manager', async () => {
    const lacking = await devices.allocated(pod, signal);
    const refusal = lacking && rejection(lacking);
    if (refusal) events.record(pod, 'Warning', refusal.reason, refusal.message);
    return refusal;
  });
}
