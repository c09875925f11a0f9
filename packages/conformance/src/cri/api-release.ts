import { PluginError } from '@berth/sdk/errors';
import type { Rpc } from '../protocol.ts';
import type { CriClient } from './messages.ts';
import { firstRelease } from './protocol.ts';

/**
 * Which release of k8s.io/cri-api the target was made from, at least: CRI has no way to ask. Every RPC that it answers and
 * every newer field that it fills is evidence, the newest first. `client` mustn't excuse anything.
 */
export async function apiReleaseOf(client: CriClient): Promise<string> {
  for (const { release, holds } of evidence) if (await holds(client)) return release;
  return firstRelease;
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

const deadlineMs = 10_000;

const evidence: Evidence[] = [
  { release: '0.36', holds: (client) => hasMessage(client.StreamImages({}, { deadlineMs })) },
  { release: '0.33', holds: (client) => isKnown(client.UpdatePodSandboxResources({ podSandboxId: 'f'.repeat(64) }, { deadlineMs })) },
  { release: '0.31', holds: async (client) => (await client.Status({}, { deadlineMs })).features !== null },
  { release: '0.28', holds: (client) => isKnown(client.RuntimeConfig({}, { deadlineMs })) },
  { release: '0.26', holds: (client) => isKnown(client.ListMetricDescriptors({}, { deadlineMs })) },
  { release: '0.26', holds: (client) => beginsToStream((signal) => client.GetContainerEvents({}, { signal })) },
];

async function isKnown(call: Promise<unknown>): Promise<boolean> {
  try {
    await call;
    return true;
  } catch (error) {
    return PluginError.from(error).code !== 'UNIMPLEMENTED';
  }
}

/** A stream that ends without a message tells nothing. */
async function hasMessage(stream: AsyncIterable<unknown>): Promise<boolean> {
  try {
    for await (const _ of stream) return true;
    return false;
  } catch (error) {
    return PluginError.from(error).code !== 'UNIMPLEMENTED';
  }
}

/** How long a stream may be silent before it is taken for one that has nothing to tell. */
const silenceMs = 2000;

/** A stream of events that is silent is one that the target knows; so is one with a message. */
async function beginsToStream(open: (signal: AbortSignal) => AsyncIterable<unknown>): Promise<boolean> {
  const enough = new AbortController();
  const timer = setTimeout(() => enough.abort(), silenceMs);
  try {
    return await hasMessage(open(enough.signal));
  } finally {
    clearTimeout(timer);
    enough.abort();
  }
}
