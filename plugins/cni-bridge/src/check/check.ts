import { formatAddress } from '@berth/sdk/cni/address';
import { requireNetworkNamespace } from '@berth/sdk/cni/network-namespace';
import type { PluginRequest } from '@berth/sdk/cni/plugin';
import { CniError, errorCodes } from '@berth/sdk/cni/types';
import { attachmentOf } from '../attachment.ts';
import type { Configuration } from '../configuration.ts';
import { isMacSpoofChecked } from '../mac-spoof-check.ts';
import { unmasqueraded } from '../masquerade/masquerade.ts';
import type { Damage } from './damage.ts';
import { findDamage } from './damage.ts';
import type { Expected } from './expected.ts';
import { readExpected } from './expected.ts';
import { observe } from './observed.ts';

/** Throws a CniError that names the first thing which isn't as ADD made it, the IPAM plugin's included. */
export async function check(request: PluginRequest, configuration: Configuration): Promise<void> {
  requireNetworkNamespace(request.netns);
  const expected = readExpected(request, configuration);
  if (configuration.ipam !== undefined) await request.delegate(configuration.ipam).check();
  const observed = await observe(request, configuration, expected);
  const port = observed.port?.name ?? '';
  const damage = findDamage(configuration, expected, observed) ?? (await ruleDamage(request, configuration, expected, port));
  if (damage) throw new CniError(errorCodes.internal, damage.what, { object: damage.object, hint: 'run DEL and ADD again' });
}

async function ruleDamage(
  request: PluginRequest,
  { ipMasq, ipMasqBackend, macspoofchk }: Configuration,
  { addresses }: Expected,
  port: string,
): Promise<Damage | undefined> {
  const [lost] = ipMasq ? await unmasqueraded(ipMasqBackend, attachmentOf(request), addresses) : [];
  if (lost) return { object: `address ${formatAddress(lost.address)}`, what: 'is masqueraded no longer (ipMasq)' };
  if (!macspoofchk || (await isMacSpoofChecked(request, port))) return undefined;
  return { object: `bridge port ${port}`, what: 'has lost the rules that check hardware addresses (macspoofchk)' };
}
