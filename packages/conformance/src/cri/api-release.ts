import { PluginError } from '@berth/sdk/errors';
import type { CriClient } from './messages.ts';
import { firstRelease, type Rpc } from './protocol.ts';

/**
 * Which release of k8s.io/cri-api the target was made from, at least: CRI has no way to ask. Every RPC that it answers and
 * every newer field that it fills is evidence. `client` mustn't excuse anything.
 */
export async function apiReleaseOf(client: CriClient): Promise<string> {
  const found = await Promise.all(evidence.map(async ({ release, holds }) => ((await holds(client)) ? release : firstRelease)));
  return found.reduce((newest, release) => (isNewer(release, newest) ? release : newest));
}

/** Why an RPC that `release` didn't have may be missing. */
export function excuseFor(rpc: Rpc, release: string): string | undefined {
  if (!isNewer(rpc.since, release)) return undefined;
  return `the target doesn't know ${rpc.name}, which is newer (cri-api ${rpc.since}) than its API (${release}, by what it answers)`;
}

export function isNewer(release: string, than: string): boolean {
  return Number(release.split('.')[1]) > Number(than.split('.')[1]);
}

interface Evidence {
  release: string;
  holds(client: CriClient): Promise<boolean>;
}

const evidence: Evidence[] = [
  { release: '0.26', holds: (client) => isKnown(client.ListMetricDescriptors({})) },
  { release: '0.26', holds: (client) => beginsToStream((signal) => client.GetContainerEvents({}, { signal })) },
  { release: '0.28', holds: (client) => isKnown(client.RuntimeConfig({})) },
  { release: '0.31', holds: async (client) => (await client.Status({})).features !== null },
  { release: '0.33', holds: (client) => isKnown(client.UpdatePodSandboxResources({ podSandboxId: 'f'.repeat(64) })) },
  { release: '0.36', holds: (client) => beginsToStream((signal) => client.StreamImages({}, { signal })) },
];

async function isKnown(call: Promise<unknown>): Promise<boolean> {
  try {
    await call;
    return true;
  } catch (error) {
    return PluginError.from(error).code !== 'UNIMPLEMENTED';
  }
}

/** How long a stream may be silent before it is taken for one that has nothing to tell. */
const silenceMs = 500;

/** A stream that is silent is one that the target knows; so is one with a message. One that ends at once tells nothing. */
async function beginsToStream(open: (signal: AbortSignal) => AsyncIterable<unknown>): Promise<boolean> {
  const enough = new AbortController();
  const timer = setTimeout(() => enough.abort(), silenceMs);
  try {
    for await (const _ of open(enough.signal)) return true;
    return false;
  } catch (error) {
    return PluginError.from(error).code !== 'UNIMPLEMENTED';
  } finally {
    clearTimeout(timer);
    enough.abort();
  }
}
