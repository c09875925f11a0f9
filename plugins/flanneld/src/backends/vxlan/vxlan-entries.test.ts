import { parseAddress, parsePrefix } from '@berth/sdk/cni/address';
import { describe, expect, it } from 'vitest';
import { parseAttributes, parseSubnetKey } from '../../etcd/subnet-text.ts';
import type { Lease } from '../../subnet/lease.ts';
import { entriesFor, peersOf } from './vxlan-entries.ts';

function lease(key: string, value: object): Lease {
  const [subnets, attributes] = [parseSubnetKey(key), parseAttributes(JSON.stringify(value))];
  if (!subnets || !attributes) throw new Error(key);
  return { subnets, attributes };
}

const second = lease('10.5.2.0-24&fd00:5:0:2::-64', {
  ...{ PublicIP: '192.168.0.2', PublicIPv6: 'fd00::2', BackendType: 'vxlan' },
  ...{ BackendData: { VNI: 1, VtepMAC: '02:00:00:00:00:AA' }, BackendV6Data: { VNI: 1, VtepMAC: '02:00:00:00:00:bb' } },
});

const ownSide = (family: 4 | 6) => ({ family, vni: 1, mac: '02:00:00:00:00:01' });

describe('the peers', () => {
  it('are the hosts that say enough, by the same back end and VNI', () => {
    const others = [
      lease('10.5.3.0-24', { PublicIP: '192.168.0.3', BackendType: 'host-gw' }),
      lease('10.5.4.0-24', { PublicIP: '192.168.0.4', BackendType: 'vxlan' }),
      lease('10.5.5.0-24', { PublicIP: '192.168.0.5', BackendType: 'vxlan', BackendData: { VNI: 7, VtepMAC: '02:00:00:00:00:05' } }),
      lease('10.5.6.0-24', { PublicIP: '192.168.0.6', BackendType: 'vxlan', BackendData: { VNI: 1, VtepMAC: '; reboot' } }),
    ];
    const [host, subnet] = [parseAddress('192.168.0.2'), parsePrefix('10.5.2.0/24')];
    expect(peersOf([second, ...others], ownSide(4))).toEqual([{ subnet, host, mac: '02:00:00:00:00:aa' }]);
    expect(peersOf([second, ...others], ownSide(6))).toMatchObject([{ mac: '02:00:00:00:00:bb' }]);
  });

  it('are where they came last, also for an earlier lease of the same device; our own is none', () => {
    const data = { BackendType: 'vxlan', BackendData: { VNI: 1, VtepMAC: '02:00:00:00:00:aa' } };
    const moved = lease('10.5.7.0-24', { PublicIP: '192.168.0.7', ...data });
    const own = lease('10.5.8.0-24', { PublicIP: '192.168.0.8', ...data, BackendData: { VNI: 1, VtepMAC: '02:00:00:00:00:01' } });
    const peers = peersOf([own, second, moved], ownSide(4));
    expect(peers.map(({ host }) => host)).toEqual([parseAddress('192.168.0.7'), parseAddress('192.168.0.7')]);
    const { forwardings, routes } = entriesFor(peers, 'flannel.1', { link: 'eth0', hosts: new Set() });
    expect(forwardings).toEqual([{ mac: '02:00:00:00:00:aa', host: '192.168.0.7' }]);
    expect(routes.map(({ destination }) => destination)).toEqual(['10.5.2.0/24', '10.5.7.0/24']);
  });

  it('are reached through the device: route, neighbour, host', () => {
    expect(entriesFor(peersOf([second], ownSide(6)), 'flannel-v6.1', { link: 'eth0', hosts: new Set() })).toEqual({
      neighbours: [{ address: 'fd00:5:0:2::', mac: '02:00:00:00:00:bb' }],
      forwardings: [{ mac: '02:00:00:00:00:bb', host: 'fd00::2' }],
      routes: [{ destination: 'fd00:5:0:2::/64', gateway: 'fd00:5:0:2::', device: 'flannel-v6.1', onlink: true }],
    });
  });

  it('on the own link are gateways with DirectRouting', () => {
    expect(entriesFor(peersOf([second], ownSide(4)), 'flannel.1', { link: 'eth0', hosts: new Set(['192.168.0.2']) })).toEqual({
      neighbours: [],
      forwardings: [],
      routes: [{ destination: '10.5.2.0/24', gateway: '192.168.0.2', device: 'eth0' }],
    });
  });
});
