import { formatAddress } from '@berth/sdk/cni/address';
import { forceBatch, type IpCommand } from '@berth/sdk/cni/ip-batch';
import type { ExternalInterface } from '../../interface/external-interface.ts';
import { apply } from '../../kernel/apply.ts';
import { type Changes, planForwardings, planNeighbours, planRoutes, routeProtocol } from '../../kernel/entries.ts';
import { type ShownRoute, show, showNetwork } from '../../kernel/shown.ts';
import { entriesOf, type PerFamily, perFamily } from '../../per-family.ts';
import type { Lease, LeaseAttributes } from '../../subnet/lease.ts';
import type { Backend, Failure } from '../backend.ts';
import type { VxlanConfig } from './vxlan-config.ts';
import { encapsulation, VxlanDevice } from './vxlan-device.ts';
import { entriesFor, peersOf, type VxlanEntries, vxlanType } from './vxlan-entries.ts';

/** Packets in VXLAN, by the kernel alone: what this daemon wrote goes on working while it is away. */
export class Vxlan implements Backend {
  readonly type = vxlanType;
  readonly mtu: number;
  readonly #config: VxlanConfig;
  readonly #external: ExternalInterface;
  readonly #devices: PerFamily<VxlanDevice>;

  constructor(external: ExternalInterface, config: VxlanConfig) {
    this.#external = external;
    this.#config = config;
    const linkMtu = config.linkMtu ?? external.mtu;
    this.mtu = linkMtu - encapsulation[4];
    this.#devices = perFamily((family) => {
      const local = external.addresses[family];
      return local && new VxlanDevice({ family, config, link: external.name, local, linkMtu });
    });
  }

  async prepare(): Promise<LeaseAttributes> {
    await this.#ensureDevices();
    return {
      publicIp: this.#external.publicIps,
      backendType: vxlanType,
      backendData: perFamily((family) => {
        const device = this.#devices[family];
        return device && { VNI: this.#config.vni, VtepMAC: device.mac };
      }),
    };
  }

  async start({ subnets }: Lease): Promise<void> {
    for (const [family, device] of entriesOf(this.#devices)) {
      const subnet = subnets[family];
      if (subnet) device.useAddress(subnet.address);
    }
    await this.#ensureDevices();
  }

  async reconcile(others: readonly Lease[]): Promise<Failure[]> {
    const routes = await this.#ensureDevices();
    const directHosts = this.#config.directRouting ? await this.#directHosts(others) : new Set<string>();
    const wanted: [VxlanDevice, VxlanEntries][] = entriesOf(this.#devices).map(([family, device]) => [
      device,
      entriesFor(peersOf(others, { family, vni: this.#config.vni, mac: device.mac }), device.name, {
        link: this.#external.name,
        hosts: directHosts,
      }),
    ]);
    const devices = new Set(wanted.map(([{ name }]) => name));
    const routeChanges = planRoutes(
      wanted.flatMap(([, entries]) => entries.routes),
      routes,
      ({ protocol, dev }) => protocol === routeProtocol || (protocol !== 'kernel' && devices.has(dev ?? '')),
    );
    const tables = await Promise.all(wanted.map(([device, entries]) => planTables(device.name, entries)));
    const neighbours = tables.map((table) => table.neighbours);
    const forwardings = tables.map((table) => table.forwardings);
    // A packet must find its neighbour and the neighbour's host from the moment on at which it finds its route.
    return [
      ...(await apply('bridge', added(forwardings))),
      ...(await apply('ip', [...added(neighbours), ...routeChanges.add, ...routeChanges.remove, ...removed(neighbours)])),
      ...(await apply('bridge', removed(forwardings))),
    ];
  }

  async close(): Promise<void> {}

  /** Makes what is missing, and gives the routes as they are then: those of a device that was lost went with it. */
  async #ensureDevices(): Promise<ShownRoute[]> {
    const { links, routes } = await showNetwork();
    let made = false;
    for (const [, device] of entriesOf(this.#devices)) made = (await device.ensure(links)) || made;
    return made ? (await showNetwork()).routes : routes;
  }

  /** Those of the hosts that are on this host's own link: their route has no gateway. */
  async #directHosts(leases: readonly Lease[]): Promise<Set<string>> {
    const hosts = leases.flatMap(({ attributes }) => entriesOf(attributes.publicIp).map(([, address]) => formatAddress(address)));
    const { shown } = await forceBatch<ShownRoute>(
      'ip',
      hosts.map((host) => ['route', 'get', host]),
    );
    return new Set(
      shown.flatMap(([route]) => (route && route.gateway === undefined && route.dev === this.#external.name ? [route.dst] : [])),
    );
  }
}

async function planTables(device: string, entries: VxlanEntries) {
  const [[neighbours = []], [forwardings = []]] = await Promise.all([
    show<{ dst?: string; lladdr?: string }>('ip', [['neigh', 'show', 'dev', device, 'nud', 'permanent']]),
    show<{ mac?: string; dst?: string; state?: string }>('bridge', [['fdb', 'show', 'dev', device]]),
  ]);
  return {
    neighbours: planNeighbours(device, entries.neighbours, neighbours),
    forwardings: planForwardings(device, entries.forwardings, forwardings),
  };
}

function added(changes: readonly Changes[]): IpCommand[] {
  return changes.flatMap(({ add }) => add);
}

function removed(changes: readonly Changes[]): IpCommand[] {
  return changes.flatMap(({ remove }) => remove);
}
