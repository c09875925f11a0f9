import { PluginError } from '@berth/sdk/errors';
import type { BindPlugin, PluginRefusal } from '../framework.ts';
import { firstRefusalAsync } from './ask.ts';
import { ExtensionPointFailure } from './extension-point-failure.ts';
import type { Placement } from './reservation.ts';

/** kube-scheduler's limit for a pod that is held back. */
const permitLimitMs = 15 * 60_000;

/**
 * Hands a reserved pod to its node: Permit, PreBind, Bind, PostBind. Gives the refusal of a plugin that won't have it; throws
 * ExtensionPointFailure. After either, nothing is bound.
 */
export async function bindingCycle(placement: Placement, signal: AbortSignal): Promise<PluginRefusal | undefined> {
  const refusal = (await permit(placement, signal)) ?? (await preBind(placement, signal));
  if (refusal) return refusal;
  await bind(placement, signal);
  postBind(placement);
  return undefined;
}

/** Resolves when no plugin holds the pod back any more. */
async function permit({ profile, state, pod, nodeName }: Placement, signal: AbortSignal): Promise<PluginRefusal | undefined> {
  if (profile.permit.length === 0) return undefined;
  const limited = AbortSignal.any([signal, AbortSignal.timeout(permitLimitMs)]);
  return firstRefusalAsync(profile.permit, 'permit', limited, (plugin) => plugin.permit(state, pod, nodeName, limited));
}

function preBind({ profile, state, pod, nodeName }: Placement, signal: AbortSignal): Promise<PluginRefusal | undefined> {
  return firstRefusalAsync(profile.preBind, 'preBind', signal, (plugin) => plugin.preBind(state, pod, nodeName, signal));
}

async function bind(placement: Placement, signal: AbortSignal): Promise<void> {
  const { profile } = placement;
  for (const plugin of profile.bind) if ((await askToBind(plugin, placement, signal)) === 'bound') return;
  const last = profile.bind.at(-1) ?? { name: 'none' };
  throw new ExtensionPointFailure(last, 'bind', new PluginError('FAILED_PRECONDITION', 'no bind plugin took the pod'));
}

/** Waited for to its end: a binding that was only given up might still come true, while the pod is tried on another node. */
async function askToBind(plugin: BindPlugin, { state, pod, nodeName }: Placement, signal: AbortSignal): Promise<'bound' | 'skip'> {
  try {
    return await plugin.bind(state, pod, nodeName, signal);
  } catch (thrown) {
    throw new ExtensionPointFailure(plugin, 'bind', thrown);
  }
}

function postBind({ profile, state, pod, nodeName }: Placement): void {
  for (const plugin of profile.postBind) {
    try {
      plugin.postBind(state, pod, nodeName);
    } catch {
      // The pod is bound: nothing that is thrown here changes that.
    }
  }
}
