import { tryNftBeside } from '@berth/sdk/cni/nft';
import { withNetwork } from '@berth/sdk/cni/open-network';
import type { PluginRequest } from '@berth/sdk/cni/plugin';
import { CniError, errorCodes } from '@berth/sdk/cni/types';
import type { Configuration } from './configuration.ts';
import { hasIptables } from './masquerade/iptables.ts';

/** Throws a CniError (code 50) that names what an ADD would miss here; then the IPAM plugin is asked. */
export async function status(request: PluginRequest, configuration: Configuration): Promise<void> {
  await requireNetworkAccess();
  const { ipMasq, ipMasqBackend, macspoofchk, ipam } = configuration;
  const nft = macspoofchk || (ipMasq && ipMasqBackend !== 'iptables') ? await hasNft() : true;
  if (macspoofchk && !nft) throw missing('nft', 'macspoofchk', 'install nftables, or set macspoofchk to false');
  if (ipMasq && ipMasqBackend === 'nftables' && !nft)
    throw missing('nft', 'ipMasq', 'install nftables, or set ipMasqBackend to "iptables"');
  if (ipMasq && ipMasqBackend !== 'nftables' && !(await hasIptables())) {
    if (ipMasqBackend === 'iptables') throw missing('iptables', 'ipMasq', 'install iptables, or set ipMasqBackend to "nftables"');
    if (!nft) throw missing('iptables and nft', 'ipMasq', 'install one of them');
  }
  if (ipam !== undefined) await request.delegate(ipam).status();
}

/** An interface that every namespace has tells whether they can be looked at. */
async function requireNetworkAccess(): Promise<void> {
  try {
    await withNetwork({}, (network) => network.link('lo'));
  } catch (thrown) {
    throw new CniError(errorCodes.notAvailable, (thrown as Error).message, { cause: thrown });
  }
}

async function hasNft(): Promise<boolean> {
  return typeof (await tryNftBeside(['list', 'tables'])) === 'string';
}

function missing(program: string, key: string, hint: string): CniError {
  return new CniError(errorCodes.notAvailable, `not on PATH, or can't use the kernel's packet filter, and ${key} needs it`, {
    object: program,
    hint,
  });
}
