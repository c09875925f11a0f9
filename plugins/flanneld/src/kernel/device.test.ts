import { parseAddress } from '@berth/sdk/cni/address';
import { describe, expect, it } from 'vitest';
import { planDevice } from './device.ts';
import { show } from './shown.ts';

const address = parseAddress('10.5.1.0');
const there = {
  mtu: 1472,
  flags: ['POINTOPOINT', 'UP'],
  addr_info: [
    { family: 'inet', local: '10.5.1.0', prefixlen: 32, scope: 'global' },
    { family: 'inet6', local: 'fe80::1', prefixlen: 64, scope: 'link' },
  ],
};

describe('a device', () => {
  const lines = (shown: object) => planDevice({ name: 'flannel0', mtu: 1472, address }, shown).map((command) => command.join(' '));

  it.each([
    ['is as it has to be', {}, []],
    ['is down', { flags: [] }, ['link set dev flannel0 up']],
    ['has another MTU', { mtu: 1500 }, ['link set dev flannel0 mtu 1472']],
    ['has lost its address', { addr_info: [] }, ['address add 10.5.1.0/32 dev flannel0']],
    [
      'has another address',
      { addr_info: [{ ...there.addr_info[0], local: '10.5.7.0' }] },
      ['address del 10.5.7.0/32 dev flannel0', 'address add 10.5.1.0/32 dev flannel0'],
    ],
  ])('that %s is changed in that alone', (_, change, expected) => {
    expect(lines({ ...there, ...change })).toEqual(expected);
  });

  it('that was just made gets all', () => {
    expect(lines({})).toEqual(['link set dev flannel0 mtu 1472', 'address add 10.5.1.0/32 dev flannel0', 'link set dev flannel0 up']);
  });

  it('has the MAC address that the other hosts know', () => {
    const plan = planDevice({ name: 'flannel.1', mtu: 1450, mac: '02:00:00:00:00:01' }, { mtu: 1450, address: '02:00:00:00:00:09' });
    expect(plan).toEqual([['link', 'set', 'dev', 'flannel.1', 'address', '02:00:00:00:00:01']]);
  });
});

it.skipIf(process.platform !== 'linux')('what the kernel does not show is told, and nothing is taken for it (needs Linux)', async () => {
  const looks = show('ip', [
    ['address', 'show', 'dev', 'no-such-device'],
    ['route', 'show'],
  ]);
  await expect(looks).rejects.toThrow(/^`ip address show dev no-such-device`: Device .*does not exist/);
});
