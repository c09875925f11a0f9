import { type Address, bits, contains, type Prefix } from '@berth/sdk/cni/address';
import type { NetworkConfig, SubnetRange } from '../network-config.ts';
import { entriesOf, families, type PerFamily } from '../per-family.ts';

/** Among so many free subnets one is chosen at random, so that hosts that start at once seldom want the same. */
const candidates = 100;

/** Do the subnets fit the configuration: a subnet of the right length in the range of each family, and no others? */
export function fits({ ranges }: Pick<NetworkConfig, 'ranges'>, subnets: PerFamily<Prefix>): boolean {
  return families.every((family) => {
    const [range, subnet] = [ranges[family], subnets[family]];
    return range && subnet ? isSubnetOf(range, subnet) : range === subnet;
  });
}

/**
 * Chooses subnets that overlap none of `taken`, one of each family of the configuration; undefined where one of them has none left. `random`
 * gives a whole number from 0 up to its argument, which is left out.
 */
export function chooseSubnets(
  { ranges }: Pick<NetworkConfig, 'ranges'>,
  taken: readonly PerFamily<Prefix>[],
  random: (below: number) => number,
): PerFamily<Prefix> | undefined {
  const chosen: { 4?: Prefix; 6?: Prefix } = {};
  for (const [family, range] of entriesOf(ranges)) {
    const free = freeSubnets(
      range,
      taken.flatMap((subnets) => subnets[family] ?? []),
    );
    if (free.length === 0) return undefined;
    chosen[family] = free[random(free.length)];
  }
  return chosen;
}

/** The first free subnets, from the lowest on. */
function freeSubnets({ min, max, length }: SubnetRange, taken: Prefix[]): Prefix[] {
  const size = 1n << BigInt(bits(min) - length);
  const starts = new Set<bigint>();
  const larger: Prefix[] = [];
  for (const prefix of taken) {
    if (prefix.length < length) larger.push(prefix);
    else starts.add(prefix.address.value & ~(size - 1n));
  }
  const free: Prefix[] = [];
  for (let value = min.value; value <= max.value && free.length < candidates; value += size) {
    const address: Address = { family: min.family, value };
    if (!starts.has(value) && !larger.some((prefix) => contains(prefix, address))) free.push({ address, length });
  }
  return free;
}

function isSubnetOf({ min, max, length }: SubnetRange, subnet: Prefix): boolean {
  const { value } = subnet.address;
  return subnet.length === length && value >= min.value && value <= max.value;
}
