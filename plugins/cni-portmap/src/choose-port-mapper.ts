import type { CniError } from '@berth/sdk/cni/types';
import type { Backend, Configuration } from './configuration.ts';
import { checkBackend } from './configuration.ts';
import { IptablesPortMapper } from './iptables/port-mapper.ts';
import { NftablesPortMapper } from './nftables/port-mapper.ts';
import type { PortMapper } from './port-mapper.ts';

const portMappers: Record<Backend, PortMapper> = { iptables: new IptablesPortMapper(), nftables: new NftablesPortMapper() };

/** Both: what either has made is removed, whatever the configuration says. */
export const everyPortMapper = Object.values(portMappers);

/** What a choice goes by. */
type Wishes = Pick<Configuration, 'backend' | 'conditions' | 'externalSetMarkChain'>;

/**
 * The one of the back end that the configuration names; without one iptables where that works, and nftables elsewhere, as the reference plugin
 * chooses. Throws a CniError (code 7) where a key is for the other one.
 */
export async function choosePortMapper(wishes: Wishes): Promise<PortMapper> {
  return (await choose(wishes)).portMapper;
}

/** Why the one that is chosen could map no port here (code 50), undefined if it could. */
export async function findProblem(wishes: Wishes): Promise<CniError | undefined> {
  const { portMapper, works } = await choose(wishes);
  return works ? undefined : portMapper.problem();
}

/** `works`: it is known to, from the choice. */
async function choose(wishes: Wishes): Promise<{ portMapper: PortMapper; works: boolean }> {
  const works = wishes.backend === undefined && (await portMappers.iptables.problem()) === undefined;
  const backend = wishes.backend ?? (works ? 'iptables' : 'nftables');
  checkBackend(wishes, backend);
  return { portMapper: portMappers[backend], works };
}
