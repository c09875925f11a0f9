import type { Prefix } from '@berth/sdk/cni/address';
import type { AttachmentName } from '@berth/sdk/cni/plugin';
import { settleAll } from '@berth/sdk/settle-all';
import type { NetworkAttachment } from '../attachment.ts';
import type { MasqueradeBackendName } from '../configuration.ts';
import type { MasqueradeBackend } from './backend.ts';
import { BackendUnavailable } from './backend.ts';
import { iptablesMasquerade } from './iptables.ts';
import { nftablesMasquerade } from './nftables.ts';

const backends: Record<MasqueradeBackendName, MasqueradeBackend> = { iptables: iptablesMasquerade, nftables: nftablesMasquerade };

/**
 * Masquerades what the attachment's addresses send out of their networks. Where no back end is named, by iptables where it works and else by
 * nftables, as the reference plugin chooses.
 */
export async function addMasquerade(
  name: MasqueradeBackendName | undefined,
  attachment: NetworkAttachment,
  prefixes: Prefix[],
): Promise<void> {
  try {
    await backends[name ?? 'iptables'].add(attachment, prefixes);
  } catch (thrown) {
    if (name !== undefined || !(thrown instanceof BackendUnavailable)) throw thrown;
    await nftablesMasquerade.add(attachment, prefixes);
  }
}

/**
 * Removes the rules of one attachment, of either back end: it may have been made by another plugin, or with another configuration. One that
 * finds them leaves nothing for the other; `likely` is asked first.
 */
export async function removeMasquerade(attachment: NetworkAttachment, likely: MasqueradeBackendName | undefined): Promise<void> {
  const [first, second] = likely === 'nftables' ? [nftablesMasquerade, iptablesMasquerade] : [iptablesMasquerade, nftablesMasquerade];
  if (!(await first.remove(attachment))) await second.remove(attachment);
}

/** Removes the rules of attachments that aren't in use, of both back ends. */
export async function collectMasquerade(network: string, valid: AttachmentName[]): Promise<void> {
  await settleAll(Object.values(backends).map((backend) => backend.collect(network, valid)));
}

/** The prefixes that the named back end doesn't masquerade; where none is named, neither of both. */
export async function unmasqueraded(
  name: MasqueradeBackendName | undefined,
  attachment: NetworkAttachment,
  prefixes: Prefix[],
): Promise<Prefix[]> {
  if (name !== undefined) return backends[name].unmasqueraded(attachment, prefixes);
  const missing = await withoutIptables(attachment, prefixes);
  return missing.length === 0 ? [] : nftablesMasquerade.unmasqueraded(attachment, missing);
}

/** All where iptables doesn't work: ADD has then used nftables. */
async function withoutIptables(attachment: NetworkAttachment, prefixes: Prefix[]): Promise<Prefix[]> {
  try {
    return await iptablesMasquerade.unmasqueraded(attachment, prefixes);
  } catch (thrown) {
    if (thrown instanceof BackendUnavailable) return prefixes;
    throw thrown;
  }
}
