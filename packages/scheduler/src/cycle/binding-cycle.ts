import { PluginError } from '@berth/sdk/errors';
import type { PluginRefusal } from '../framework.ts';
import { askAsync, ExtensionPointFailure } from './extension-point-failure.ts';
import { type Placement, permit } from './reservation.ts';

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

async function preBind({ profile, state, pod, nodeName }: Placement, signal: AbortSignal): Promise<PluginRefusal | undefined> {
  for (const plugin of profile.preBind) {
    const refusal = await askAsync(plugin, 'preBind', () => plugin.preBind(state, pod, nodeName, signal));
    if (refusal) return { plugin: plugin.name, ...refusal };
  }
  return undefined;
}

async function bind({ profile, state, pod, nodeName }: Placement, signal: AbortSignal): Promise<void> {
  for (const plugin of profile.bind) {
    const result = await askAsync(plugin, 'bind', () => plugin.bind(state, pod, nodeName, signal));
    if (result === 'bound') return;
  }
  const last = profile.bind.at(-1) ?? { name: 'none' };
  throw new ExtensionPointFailure(last, 'bind', new PluginError('FAILED_PRECONDITION', 'no bind plugin took the pod'));
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
