import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Address, Prefix } from './address.ts';
import { formatAddress, formatPrefix, parseAddress, parsePrefix } from './address.ts';
import type { NetworkOperation } from './network.ts';
import { openNetwork } from './open-network.ts';

// Node has no way to system calls, so that this is iproute2; bridge.live.test.ts does the same by netlink, in the compiled executable.
const name = `berthtest-net-${process.pid}`;
const netns = `/run/netns/${name}`;
const prefix = (text: string) => parsePrefix(text) as Prefix;
const address = (text: string) => parseAddress(text) as Address;

describe.skipIf(process.platform !== 'linux' || process.getuid?.() !== 0 || spawnSync('ip', ['-Version']).error)(
  'the network of a namespace (needs Linux, root and iproute2)',
  () => {
    beforeEach(() => void execFileSync('ip', ['netns', 'add', name]));
    afterEach(() => {
      if (existsSync(netns)) execFileSync('ip', ['netns', 'delete', name]);
    });

    const bridge: NetworkOperation = { do: 'add bridge', name: 'br0', mac: '02:00:00:00:00:01', mtu: 1400 };
    const veth: NetworkOperation = { do: 'add veth', name: 'v0', mtu: 1400, bridge: 'br0', peer: { name: 'v1', mac: '02:00:00:00:00:02' } };

    it('shows the interfaces that it has made', async () => {
      const network = openNetwork(netns);
      expect(await network.apply([bridge, veth, { do: 'set bridge port', name: 'v0', hairpin: true }])).toBeUndefined();
      const [br0, v0, v1] = [await network.link('br0'), await network.link('v0'), await network.link('v1')];
      expect(br0).toMatchObject({ kind: 'bridge', mac: '02:00:00:00:00:01', mtu: 1400, up: true, vlanFiltering: false });
      expect(v0).toMatchObject({ kind: 'veth', up: true, masterIndex: br0?.index, peerIndex: v1?.index, hairpin: true, isolated: false });
      expect(v1).toMatchObject({ mac: '02:00:00:00:00:02', up: false });
      expect(await network.link('v2')).toBeUndefined();
      expect((await network.linkAt(v0?.peerIndex ?? 0))?.name).toBe('v1');
      expect(await network.linkAt(9999)).toBeUndefined();
      network.close();
    });

    it('shows the addresses and routes that it has added', async () => {
      const network = openNetwork(netns);
      const failure = await network.apply([
        bridge,
        { do: 'add address', device: 'br0', prefix: prefix('10.1.0.1/16'), detectDuplicates: false },
        { do: 'add address', device: 'br0', prefix: prefix('10.1.0.1/16'), detectDuplicates: false },
        { do: 'add address', device: 'br0', prefix: prefix('fd00::1/64'), detectDuplicates: false },
        { do: 'add route', device: 'br0', destination: prefix('10.9.0.0/16'), gateways: [address('10.1.0.2')], priority: 5, table: 100 },
      ]);
      expect(failure).toBeUndefined();
      const written = (await network.addresses('br0')).map((each) => formatPrefix(each.prefix));
      expect(written).toEqual(expect.arrayContaining(['10.1.0.1/16', 'fd00::1/64']));
      const route = (await network.routes('br0')).find(({ table }) => table === 100);
      expect(route && [formatPrefix(route.destination), route.gateways.map(formatAddress), route.priority]).toEqual([
        '10.9.0.0/16',
        ['10.1.0.2'],
        5,
      ]);
      expect(await network.apply([{ do: 'delete address', device: 'br0', prefix: prefix('fd00::1/64') }])).toBeUndefined();
      expect((await network.addresses('br0')).map((each) => formatPrefix(each.prefix))).not.toContain('fd00::1/64');
      network.close();
    });

    it.each<[string, NetworkOperation, string]>([
      ['an interface that is there', bridge, 'EEXIST'],
      ['an interface that is not there', { do: 'delete link', name: 'none' }, 'ENODEV'],
      [
        'a gateway out of reach',
        { do: 'add route', device: 'br0', destination: prefix('10.9.0.0/16'), gateways: [address('172.16.0.1')] },
        'UNKNOWN',
      ],
    ])('stops at %s, and names the operation', async (_, operation, code) => {
      const network = openNetwork(netns);
      await network.apply([bridge]);
      const failure = await network.apply([{ do: 'set link', name: 'br0', up: true }, operation, { do: 'delete link', name: 'br0' }]);
      expect(failure).toMatchObject({ operation, code: expect.stringMatching(code === 'UNKNOWN' ? /./ : new RegExp(`^${code}$`)) });
      expect(await network.link('br0')).toBeDefined();
      network.close();
    });

    it('passes over a kernel parameter that is not there', async () => {
      expect(await openNetwork(netns).apply([{ do: 'set sysctl', key: 'net/ipv4/conf/none/arp_notify', value: '1' }])).toBeUndefined();
    });
  },
);
