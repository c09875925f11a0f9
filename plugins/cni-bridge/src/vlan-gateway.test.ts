import type { Network, NetworkLink, NetworkOperation } from '@berth/sdk/cni/network';
import { describe, expect, it } from 'vitest';
import { readConfiguration } from './configuration.ts';
import { ensureVlanGateway } from './vlan-gateway.ts';

const configuration = readConfiguration({ config: { type: 'bridge', bridge: 'br0', vlan: 5, preserveDefaultVlan: false }, args: {} });

/** A host whose kernel has VLANs, as not every one has that tests run on: the gateway's pair, the VLANs of its port, and a fault. */
class Host implements Network {
  readonly done: string[] = [];
  port: string | undefined;
  up = false;
  vlans = [1];
  refuses: NetworkOperation['do'] | undefined;

  async apply(operations: NetworkOperation[]) {
    for (const operation of operations) {
      if (operation.do === this.refuses) return { operation, code: 'EIO', reason: 'refused' };
      this.done.push(operation.do);
      if (operation.do === 'add veth') this.port = operation.name;
      if (operation.do === 'set link') this.up = operation.up === true;
      if (operation.do === 'delete link') this.port = undefined;
      if (operation.do === 'add port vlan') this.vlans.push(operation.vlan);
      if (operation.do === 'delete port vlan') this.vlans = this.vlans.filter((vlan) => vlan !== operation.vlan);
    }
    return undefined;
  }

  async link(name: string) {
    return this.port === undefined ? undefined : { ...veth(name, 2, 3), up: this.up };
  }

  async linkAt(index: number) {
    return this.port === undefined ? undefined : veth(this.port, index, 2);
  }

  async portVlans() {
    return this.vlans;
  }

  addresses = async () => [];
  routes = async () => [];
  close(): void {}
}

const veth = (name: string, index: number, peerIndex: number): NetworkLink => ({
  name,
  index,
  peerIndex,
  mac: '',
  mtu: 1500,
  kind: 'veth',
  up: true,
  operational: true,
  promiscuous: false,
});

describe("the bridge's interface in a VLAN", () => {
  it('is made and joins its VLAN, once', async () => {
    const host = new Host();
    await ensureVlanGateway(host, configuration);
    expect([host.vlans, host.up]).toEqual([[5], true]);
    host.done.length = 0;
    await ensureVlanGateway(host, configuration);
    expect(host.done).toEqual([]);
  });

  it('joins its VLAN where the call that made it was killed before that', async () => {
    const host = new Host();
    host.port = 'veth1';
    expect((await ensureVlanGateway(host, configuration)).name).toBe('br0.5');
    expect(host.vlans).toEqual([5]);
    expect(host.done).not.toContain('add veth');
  });

  it('goes again where it was made just now and cannot join', async () => {
    const host = new Host();
    host.refuses = 'add port vlan';
    await expect(ensureVlanGateway(host, configuration)).rejects.toThrow(/^bridge port veth[0-9a-f]{8}: can't .*: refused$/);
    expect(host.port).toBeUndefined();
  });

  it('stays where another call made it', async () => {
    const host = new Host();
    host.port = 'veth1';
    host.refuses = 'add port vlan';
    await expect(ensureVlanGateway(host, configuration)).rejects.toThrow('refused');
    expect(host.port).toBe('veth1');
  });
});
