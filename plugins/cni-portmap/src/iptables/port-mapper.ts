import {
  chainRemoval,
  containerChain,
  editIptables,
  iptablesWord,
  listIptables,
  missingInIptables,
  whyRefusedByIptables,
  whyUnusable,
} from '@berth/sdk/cni/iptables';
import { CniError, errorCodes } from '@berth/sdk/cni/types';
import { settleAll } from '@berth/sdk/settle-all';
import type { PortMapping } from '../configuration.ts';
import type { Forwarding, Owner } from '../forwarding.ts';
import { objectOf } from '../forwarding.ts';
import type { PortMapper } from '../port-mapper.ts';
import { jumpMatches, localnetCommands, localnetRule, mappingCommands, neededRules, purposes, staleChains } from './rules.ts';

const families = [4, 6] as const;

/** Maps ports by a chain for each container in table nat of iptables and ip6tables. */
export class IptablesPortMapper implements PortMapper {
  async map(forwarding: Forwarding): Promise<void> {
    const object = objectOf(forwarding);
    const chain = chainOf(forwarding);
    const changes = forwarding.targets.map((target) =>
      editIptables(target.prefix.address.family, 'nat', (listing) => mappingCommands(listing, forwarding, target, chain), object),
    );
    await settleAll(changes);
    if (forwarding.localnetDevice !== undefined) await editIptables(4, 'raw', localnetCommands, object);
  }

  async missing(forwarding: Forwarding): Promise<string[]> {
    const chain = chainOf(forwarding);
    const looks = forwarding.targets.map(async (target) => {
      const { family } = target.prefix.address;
      const missing = await missingInIptables(family, 'nat', neededRules(forwarding, target, chain));
      return missing === undefined ? [] : [`${missing} in table nat of IPv${family}`];
    });
    if (forwarding.localnetDevice !== undefined) looks.push(missingLocalnet());
    return (await settleAll(looks)).flat();
  }

  async remove(owner: Owner): Promise<void> {
    const chains = purposes.map((purpose) => containerChain(purpose, owner.network, owner.containerId));
    await removeChains(() => chains, objectOf(owner));
  }

  async removeStale(network: string, valid: string[]): Promise<void> {
    const kept = valid.map((containerId) => chainOf({ network, containerId }));
    await removeChains((listing) => staleChains(listing, network, kept), `port mappings of network ${network}`);
  }

  async whyRefused(family: 4 | 6, protocol: PortMapping['protocol'], conditions: string[]): Promise<string | undefined> {
    return whyRefusedByIptables(family, 'nat', jumpMatches(protocol, '1'), conditions.map(iptablesWord).join(' '));
  }

  async problem(): Promise<CniError | undefined> {
    const listing = await listIptables(4, 'nat').catch((error: Error) => error);
    if (Array.isArray(listing)) return undefined;
    if (listing) return new CniError(errorCodes.notAvailable, listing.message, { hint: 'run it as root' });
    return new CniError(errorCodes.notAvailable, whyUnusable('nat'), {
      object: 'iptables',
      hint: 'install iptables, or set "backend": "nftables"',
    });
  }
}

async function removeChains(choose: (listing: string[]) => string[], object: string): Promise<void> {
  const plan = (listing: string[]) => choose(listing).flatMap((chain) => chainRemoval(listing, chain));
  await settleAll(families.map((family) => editIptables(family, 'nat', plan, object)));
}

async function missingLocalnet(): Promise<string[]> {
  const missing = await missingInIptables(4, 'raw', [`${localnetRule.chain} ${localnetRule.rule}`]);
  return missing === undefined ? [] : [`${missing} in table raw of IPv4`];
}

function chainOf({ network, containerId }: Owner): string {
  return containerChain(purposes[0], network, containerId);
}
