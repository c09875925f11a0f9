import type { Prefix } from '@berth/sdk/cni/address';
import type { NetworkLink, OperationFailure } from '@berth/sdk/cni/network';
import type { PluginRequest } from '@berth/sdk/cni/plugin';
import { setSysctl } from '@berth/sdk/cni/sysctl';
import type { Interface } from '@berth/sdk/cni/types';
import { CniError, errorCodes } from '@berth/sdk/cni/types';
import type { UndoStack } from '@berth/sdk/cni/undo-stack';
import { nameInterface } from './attachment.ts';
import { awaitCarrier, awaitDetection } from './await-link.ts';
import { carryOut, operationFailure, withoutVlanFiltering } from './carry-out.ts';
import type { Configuration } from './configuration.ts';
import type { HostAndContainer } from './host-and-container.ts';
import { openHostAndContainer } from './host-and-container.ts';
import type { NetworkPlan } from './plan.ts';
import { addressing, planGateways, routing } from './plan.ts';
import { createBridge, createPort, joinVlans, removePort, usesVlans } from './ports.ts';
import { randomHardwareAddress, randomPortName } from './random-name.ts';
import { requireLink } from './require-link.ts';
import { ensureVlanGateway } from './vlan-gateway.ts';

/** A port of the bridge and the container's interface at its other end, made and not yet in use. */
export interface Port {
  hostVeth: string;
  container: NetworkLink;
  /** As it was without the port. */
  bridge: NetworkLink;
}

/** The connection that one ADD makes, in the namespaces of the host and of the container. */
export class Connection {
  readonly #request: PluginRequest;
  readonly #configuration: Configuration;
  readonly #undo: UndoStack;
  readonly #networks: HostAndContainer;

  constructor(request: PluginRequest, configuration: Configuration, undo: UndoStack) {
    this.#request = request;
    this.#configuration = configuration;
    this.#undo = undo;
    this.#networks = openHostAndContainer(request.netns);
  }

  close(): void {
    this.#networks.close();
  }

  /** Makes the bridge where there is none, and the pair of interfaces: the container's end is down. */
  async makePort(): Promise<Port> {
    const bridge = await this.#ensureBridge();
    const hostVeth = await this.#createPort();
    await this.#joinVlans(hostVeth);
    const container = await requireLink(this.#networks.container, this.#request.ifName, nameInterface(this.#request));
    return { hostVeth, container, bridge };
  }

  /** Carries out the rest of a plan and returns the interfaces of the result: the bridge, its port, the container's own, the gateway's in a VLAN. */
  async configure({ hostVeth, container, bridge }: Port, plan: NetworkPlan): Promise<Interface[]> {
    const { netns, ifName } = this.#request;
    const { disableContainerInterface } = this.#configuration;
    if (!disableContainerInterface) await this.#configureContainer(plan);
    // Meanwhile the kernel sees the port's carrier.
    const gateway = await this.#ensureGateways(plan.gateways);
    const { host } = this.#networks;
    const port = disableContainerInterface ? await host.link(hostVeth) : await awaitCarrier(host, hostVeth);
    return [
      describe(bridge.name, keepsWith(bridge, port) ? bridge : await this.#requireBridge()),
      describe(hostVeth, port),
      { ...describe(ifName, container), sandbox: netns },
      ...(gateway ? [describe(gateway.name, gateway)] : []),
    ];
  }

  async #ensureBridge(): Promise<NetworkLink> {
    const { bridge, promiscMode } = this.#configuration;
    const link = (await this.#networks.host.link(bridge)) ?? (await this.#createBridge());
    if (link.kind !== 'bridge') {
      const what = `is no bridge but ${link.kind === '' ? 'a hardware interface' : `of the kind ${link.kind}`}`;
      throw new CniError(errorCodes.invalidConfig, what, { object: `interface ${bridge}`, hint: 'name another bridge' });
    }
    if (link.up && (link.promiscuous || !promiscMode)) return link;
    await carryOut(this.#networks.host, `bridge ${bridge}`, [
      { do: 'set link', name: bridge, up: true, ...(promiscMode ? { promiscuous: true } : {}) },
    ]);
    return link;
  }

  async #createBridge(): Promise<NetworkLink> {
    const failure = await this.#networks.host.apply(createBridge(this.#configuration, randomHardwareAddress()));
    // Of two first containers at once, one finds the bridge there already.
    if (failure && failure.code !== 'EEXIST') throw bridgeFailure(this.#configuration, failure);
    return this.#requireBridge();
  }

  async #createPort(): Promise<string> {
    const { netns, ifName } = this.#request;
    const object = nameInterface(this.#request);
    for (let attempt = 0; attempt < portNameAttempts; attempt++) {
      const hostVeth = randomPortName();
      const failure = await this.#networks.host.apply(createPort(this.#configuration, hostVeth, ifName, netns));
      if (!failure) {
        this.#undo.push(async () => void (await this.#networks.host.apply(removePort(hostVeth))));
        return hostVeth;
      }
      if (failure.operation.do !== 'add veth') {
        await this.#networks.host.apply(removePort(hostVeth));
        throw operationFailure(object, failure);
      }
      if (failure.code !== 'EEXIST') throw operationFailure(object, failure);
      if (await this.#networks.container.link(ifName)) {
        throw new CniError(errorCodes.internal, 'exists already', { object, hint: 'run DEL first' });
      }
    }
    throw new CniError(errorCodes.internal, `found no free name for its port in ${portNameAttempts} attempts`, { object });
  }

  async #joinVlans(port: string): Promise<void> {
    if (!usesVlans(this.#configuration)) return;
    const present = this.#configuration.preserveDefaultVlan ? [] : await this.#networks.host.portVlans(port);
    await carryOut(this.#networks.host, `bridge port ${port}`, joinVlans(this.#configuration, port, present));
  }

  async #configureContainer(plan: NetworkPlan): Promise<void> {
    const { ifName } = this.#request;
    const object = nameInterface(this.#request);
    await carryOut(this.#networks.container, object, addressing(ifName, plan, this.#configuration));
    if (this.#configuration.enabledad) await awaitDetection(this.#networks.container, object, ifName);
    await carryOut(this.#networks.container, object, routing(ifName, plan));
  }

  async #requireBridge(): Promise<NetworkLink> {
    const { bridge } = this.#configuration;
    return requireLink(this.#networks.host, bridge, `bridge ${bridge}`);
  }

  /** The gateway's interface where it isn't the bridge itself. */
  async #ensureGateways(gateways: Prefix[]): Promise<NetworkLink | undefined> {
    if (gateways.length === 0) return undefined;
    const { host } = this.#networks;
    const { bridge, vlan, forceAddress } = this.#configuration;
    const gateway = vlan > 0 ? await ensureVlanGateway(host, this.#configuration) : undefined;
    const device = gateway?.name ?? bridge;
    const present = (await host.addresses(device)).map(({ prefix }) => prefix);
    const operations = planGateways({ device, forceAddress }, gateways, present);
    if (operations.length > 0) {
      const { mac } = gateway ?? (await this.#requireBridge());
      // Set to what it is, the hardware address stays; it would change with the ports that come and go.
      await carryOut(host, `bridge ${device}`, [...operations, { do: 'set link', name: device, mac }]);
    }
    enableForwarding(gateways);
    return gateway;
  }
}

const portNameAttempts = 10;

/** Whether a new port has changed nothing of the bridge. One whose hardware address or MTU nobody has set takes the lowest of its ports'. */
function keepsWith(bridge: NetworkLink, port: NetworkLink | undefined): boolean {
  const hasOtherPorts = bridge.operational;
  return port !== undefined && hasOtherPorts && bridge.mac < port.mac && bridge.mtu <= port.mtu;
}

function bridgeFailure(configuration: Configuration, failure: OperationFailure): CniError {
  const object = `bridge ${configuration.bridge}`;
  if (!usesVlans(configuration) || failure.operation.do !== 'add bridge') return operationFailure(object, failure);
  const what = `can't be made with VLAN filtering: ${failure.reason}`;
  return new CniError(errorCodes.ioFailure, what, { object, hint: withoutVlanFiltering });
}

const forwarding = { 4: '/proc/sys/net/ipv4/ip_forward', 6: '/proc/sys/net/ipv6/conf/all/forwarding' } as const;

function enableForwarding(gateways: Prefix[]): void {
  for (const family of new Set(gateways.map(({ address }) => address.family))) setSysctl(forwarding[family], '1');
}

function describe(name: string, link: NetworkLink | undefined): Interface {
  return { name, ...(link?.mac ? { mac: link.mac } : {}), ...(link?.mtu ? { mtu: link.mtu } : {}) };
}
