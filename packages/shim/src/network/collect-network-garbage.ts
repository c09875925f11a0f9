import { setTimeout } from 'node:timers/promises';
import { PluginError } from '@berth/sdk/errors';
import type { Shim } from '../shim.ts';
import { livingAttachments } from './living-attachments.ts';

/** Longest that pods to come wait for a collection of what ended ones have left on their network. */
const collectionLimitMs = 20_000;

/** Before a collection that failed is tried again: what a plugin needs, such as the lease of flanneld, may come some time after the shim. */
const pausesMs = [1000, 5000, 30_000, 180_000];

/** Beside what the shim serves, until all is collected or `ending`. What fails to the last is logged. */
export async function collectNetworkGarbage(shim: Pick<Shim, 'network' | 'directories' | 'log'>, ending: AbortSignal): Promise<void> {
  let failures = await collect(shim, ending);
  for (const pauseMs of pausesMs) {
    if (failures.length === 0) return;
    const waited = await setTimeout(pauseMs, true, { signal: ending, ref: false }).catch(() => false);
    if (!waited) return;
    failures = await collect(shim, ending);
  }
  for (const err of failures) shim.log.warn({ err }, 'could not collect all that ended pods have left on their networks');
}

async function collect({ network, directories }: Pick<Shim, 'network' | 'directories'>, ending: AbortSignal): Promise<PluginError[]> {
  const signal = AbortSignal.any([ending, AbortSignal.timeout(collectionLimitMs)]);
  return network.collectGarbage(() => livingAttachments(directories), signal).catch((error: unknown) => [PluginError.from(error)]);
}
