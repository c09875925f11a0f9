import { formatAddress, formatPrefix, sameAddress } from '@berth/sdk/cni/address';
import { PluginError } from '@berth/sdk/errors';
import type { ExternalInterface } from '../../interface/external-interface.ts';
import { apply } from '../../kernel/apply.ts';
import { planRoutes, type Route, routeProtocol } from '../../kernel/entries.ts';
import { showNetwork } from '../../kernel/shown.ts';
import { entriesOf } from '../../per-family.ts';
import type { Lease, LeaseAttributes } from '../../subnet/lease.ts';
import type { Backend, Failure } from '../backend.ts';

const hostGwType = 'host-gw';

/** Routes by way of the other hosts, which are all on one link. Nothing is added to a packet. */
export class HostGw implements Backend {
  readonly type = hostGwType;
  readonly mtu: number;
  readonly #external: ExternalInterface;

  /** Throws FAILED_PRECONDITION for a host behind a NAT: others couldn't use its address as a gateway. */
  constructor(external: ExternalInterface) {
    for (const [family, address] of entriesOf(external.publicIps)) {
      const own = external.addresses[family];
      if (own && sameAddress(own, address)) continue;
      throw new PluginError('FAILED_PRECONDITION', 'differs from the address of the interface, as behind a NAT, where host-gw has no way', {
        object: `public IP ${formatAddress(address)}`,
        hint: 'leave out -public-ip, or use vxlan',
      });
    }
    this.#external = external;
    this.mtu = external.mtu;
  }

  async prepare(): Promise<LeaseAttributes> {
    return { publicIp: this.#external.publicIps, backendType: hostGwType, backendData: {} };
  }

  async start(): Promise<void> {}

  async reconcile(others: readonly Lease[]): Promise<Failure[]> {
    const { routes } = await showNetwork();
    const { add, remove } = planRoutes(hostRoutes(others, this.#external.name), routes, ({ protocol }) => protocol === routeProtocol);
    return apply('ip', [...add, ...remove]);
  }

  async close(): Promise<void> {}
}

/** A route to each subnet by way of its host, on the link of `device`. */
function hostRoutes(leases: readonly Lease[], device: string): Route[] {
  return leases
    .filter(({ attributes }) => attributes.backendType === hostGwType)
    .flatMap(({ subnets, attributes }) =>
      entriesOf(subnets).flatMap(([family, subnet]) => {
        const gateway = attributes.publicIp[family];
        return gateway ? [{ destination: formatPrefix(subnet), gateway: formatAddress(gateway), device }] : [];
      }),
    );
}
