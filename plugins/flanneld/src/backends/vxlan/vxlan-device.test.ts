import { parseAddress } from '@berth/sdk/cni/address';
import { Keys } from '@berth/sdk/cni/keys';
import { expect, it } from 'vitest';
import { readVxlanConfig } from './vxlan-config.ts';
import { differences } from './vxlan-device.ts';

const config = (keys: object) => readVxlanConfig(new Keys({ Type: 'vxlan', ...keys }, 'Backend'));

it('a device that is there will do where it differs in nothing that only a new one has', () => {
  const local = parseAddress('192.168.0.1');
  if (!local) throw new Error('no address');
  const spec = { family: 4 as const, config: config({ Port: 4789 }), link: 'eth0', local, linkMtu: 1500 };
  const info = { id: 1, link: 'eth0', local: '192.168.0.1', port: 4789, learning: false };
  const shown = (data: object) => ({ ifname: 'flannel.1', mtu: 1450, linkinfo: { info_kind: 'vxlan', info_data: { ...info, ...data } } });
  expect(differences(spec, shown({}))).toEqual([]);
  expect(differences(spec, shown({ id: 2, link: 'eth1', local: '192.168.0.9', learning: true, gbp: true }))).toEqual([
    ...['id', 'link', 'local', 'learning', 'gbp'],
  ]);
  expect(differences(spec, shown({ port: 8472 }))).toEqual(['port']);
  // The kernel's own port, which isn't that of IANA.
  expect(differences({ ...spec, config: config({}) }, shown({}))).toEqual(['port']);
});
