import { withNetwork } from '@berth/sdk/cni/open-network';
import type { PluginRequest } from '@berth/sdk/cni/plugin';
import { settleAll } from '@berth/sdk/settle-all';
import { readIpam } from './configuration.ts';
import { collectMacSpoofChecks } from './mac-spoof-check.ts';
import { collectMasquerade } from './masquerade/masquerade.ts';

/**
 * Removes what attachments have left that aren't in use: rules here, addresses in the IPAM plugin. An interface has gone with its namespace. Each
 * goes as far as it can, whatever the values of other keys are, and the first failure is told.
 */
export async function collectGarbage(request: PluginRequest): Promise<void> {
  const { config, validAttachments } = request;
  await settleAll([collectAddresses(request), collectMasquerade(config.name ?? '', validAttachments), collectUnusedMacSpoofChecks()]);
}

async function collectAddresses(request: PluginRequest): Promise<void> {
  const ipam = readIpam(request);
  if (ipam !== undefined) await request.delegate(ipam).gc();
}

async function collectUnusedMacSpoofChecks(): Promise<void> {
  await withNetwork({}, (host) => collectMacSpoofChecks(async (name) => (await host.link(name)) !== undefined));
}
