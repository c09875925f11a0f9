import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Call } from './mapped-host.fixture.ts';
import {
  answer,
  call,
  call as callWith,
  findOnPath,
  host,
  inside,
  mapping,
  marks,
  nft,
  outside,
  pods,
  result,
  serve,
  startUdpClient,
  sysctl,
  useHost,
  web,
} from './mapped-host.fixture.ts';

useHost();

const backends = ['nftables', 'iptables'] as const;
/** Of container c1 on network net. */
const chain = 'CNI-DN-623e1c388032b20529218';

describe.each(backends)('with %s, ADD', (backend) => {
  const call = (verb: string, options: Call = {}) => callWith(verb, { backend, ...options });

  it.each(['tcp', 'udp'])('leads the port to the container over %s, from everywhere', async (protocol) => {
    await call('ADD', { portMappings: [{ ...mapping, protocol }] });
    await serve(pods.web, 'web');
    const paths: [from: string, namespace: string, to: string, answered: string][] = [
      ['another machine, whose address the container sees', outside, '192.0.2.1', 'web 192.0.2.2'],
      ['another machine over IPv6', outside, 'fd02::1', 'web fd02::2'],
      ['the host at its own address', host, '192.0.2.1', 'web 192.0.2.1'],
      ['the host over IPv6', host, 'fd02::1', 'web fd02::1'],
      ['the host at 127.0.0.1', host, '127.0.0.1', 'web 10.1.0.1'],
      ['another container', pods.other, '10.1.0.1', 'web 10.1.0.1'],
      ['another container over IPv6', pods.other, 'fd01::1', 'web fd01::1'],
      ['the container itself', pods.web, '192.0.2.1', 'web 10.1.0.1'],
      ['the container itself over IPv6', pods.web, 'fd02::1', 'web fd01::1'],
    ];
    const answers = await Promise.all(
      paths.map(async ([from, namespace, to]) => [from, await answer(namespace, to, 8080, protocol)] as const),
    );
    expect(Object.fromEntries(answers)).toEqual(Object.fromEntries(paths.map(([from, , , answered]) => [from, answered])));
  });

  it('keeps containers from what listens on the loopback address of the host', async ({ onTestFinished }) => {
    await serve(host, 'host');
    onTestFinished(() => {
      inside(pods.other, 'ip', 'rule', 'add', 'pref', '0', 'lookup', 'local');
      for (const preference of ['1', '2']) inside(pods.other, 'ip', 'rule', 'delete', 'pref', preference);
      inside(pods.other, 'ip', 'link', 'set', 'lo', 'up');
      inside(pods.other, 'ip', 'route', 'flush', 'table', '7');
    });
    inside(pods.other, 'ip', 'route', 'add', '127.0.0.1', 'via', '10.1.0.1', 'table', '7');
    inside(pods.other, 'ip', 'link', 'set', 'lo', 'down');
    inside(pods.other, 'ip', 'rule', 'add', 'pref', '1', 'to', '127.0.0.1', 'lookup', '7');
    inside(pods.other, 'ip', 'rule', 'add', 'pref', '2', 'lookup', 'local');
    inside(pods.other, 'ip', 'rule', 'delete', 'pref', '0');
    sysctl(pods.other, 'net/ipv4/conf/eth0/route_localnet', '1');
    sysctl(host, 'net/ipv4/conf/br0/route_localnet', '1');
    expect(await answer(pods.other, '127.0.0.1', 80)).toBe('host 10.1.0.3');
    await call('ADD');
    expect(await answer(pods.other, '127.0.0.1', 80, 'tcp', 500)).toBeUndefined();
  });

  it('maps a port of one address only, and before one of all addresses', async () => {
    await Promise.all([serve(pods.web, 'web'), serve(pods.other, 'other')]);
    await call('ADD', { id: 'c2', addresses: ['10.1.0.3/24'] });
    await call('ADD', {
      portMappings: [
        { ...mapping, hostIP: '192.0.2.1' },
        { ...mapping, hostPort: 8081, hostIP: '127.0.0.1' },
        { ...mapping, hostPort: 8082, hostIP: 'fd02::1' },
      ],
    });
    expect(await answer(outside, '192.0.2.1')).toBe('web 192.0.2.2');
    expect(await answer(pods.web, '10.1.0.1')).toBe('other 10.1.0.1');
    expect(await answer(host, '127.0.0.1', 8081)).toBe('web 10.1.0.1');
    expect(await answer(outside, '192.0.2.1', 8081)).toBeUndefined();
    expect(await answer(outside, 'fd02::1', 8082)).toBe('web fd02::2');
    expect(await answer(outside, '192.0.2.1', 8082)).toBeUndefined();
  });

  it('gives a port that another container has to the younger one, until that is gone', async () => {
    await Promise.all([serve(pods.web, 'web'), serve(pods.other, 'other')]);
    await call('ADD');
    await call('ADD', { id: 'c2', addresses: ['10.1.0.3/24'] });
    expect(await answer(outside, '192.0.2.1')).toBe('other 192.0.2.2');
    await call('DEL', { id: 'c2' });
    expect(await answer(outside, '192.0.2.1')).toBe('web 192.0.2.2');
  });

  it('lets through only what conditions say', async () => {
    await serve(pods.web, 'web');
    const keys = {
      nftables: { conditionsV4: ['ip', 'saddr', '!=', '{ 192.0.2.2, 192.0.2.3 }'], conditionsV6: ['iifname', 'out'] },
      iptables: { conditionsV4: ['!', '-s', '192.0.2.2'], conditionsV6: ['-s', 'fd02::2', '-m', 'comment', '--comment', 'only "out"'] },
    };
    await call('ADD', { keys: keys[backend] });
    expect(await call('CHECK', { keys: keys[backend] })).toEqual({});
    expect(await answer(outside, '192.0.2.1')).toBeUndefined();
    expect(await answer(host, '192.0.2.1')).toBe('web 192.0.2.1');
    expect(await answer(outside, 'fd02::1')).toBe('web fd02::2');
    expect(await answer(host, 'fd02::1')).toBeUndefined();
  });

  it.each([
    ['masqAll, from nobody but the host', { masqAll: true }, 'web 10.1.0.1'],
    ['snat off, from where it came', { snat: false }, 'web 192.0.2.2'],
  ])('what the container sees with %s', async (_, keys, seen) => {
    await serve(pods.web, 'web');
    await call('ADD', { keys });
    expect(await answer(outside, '192.0.2.1')).toBe(seen);
  });

  it('takes over a UDP client that goes on sending while another container had the port', async ({ skip }) => {
    if (!findOnPath('conntrack')) skip('conntrack is not on PATH');
    await Promise.all([serve(pods.web, 'web'), serve(pods.other, 'other')]);
    const udp = [{ ...mapping, protocol: 'udp' }];
    await call('ADD', { id: 'c2', addresses: ['10.1.0.3/24'], portMappings: udp });
    const client = startUdpClient();
    await client.hears('other');
    await call('DEL', { id: 'c2', portMappings: udp });
    await call('ADD', { portMappings: udp });
    await client.hears('web');
  });

  it('takes the place of an earlier one that has left its rules, at another address and port', async () => {
    await call('ADD', { addresses: ['10.1.0.3/24'], portMappings: [{ ...mapping, hostPort: 9090 }] });
    await call('ADD', { addresses: ['10.1.0.2/24'] });
    const rules = [nft('list', 'ruleset'), inside(host, 'iptables', '-t', 'nat', '-S')].join('\n');
    expect(rules).not.toMatch(/9090|10\.1\.0\.3/);
    expect(await call('CHECK', { addresses: ['10.1.0.2/24'] })).toEqual({});
  });

  it('of many containers at once, and DEL, leaves no rules of theirs', async () => {
    const ids = ['c1', 'c2', 'c3', 'c4'];
    expect(await Promise.all(ids.map((id) => call('ADD', { id })))).toEqual(ids.map(() => result(web)));
    expect(new Set(marks())).toEqual(new Set(ids));
    expect(await Promise.all(ids.map((id) => call('DEL', { id })))).toEqual(ids.map(() => ({})));
    expect(marks()).toEqual([]);
    expect(inside(host, 'iptables', '-t', 'nat', '-S')).not.toContain('CNI-DN-');
  });
});

describe('ADD', () => {
  it('by nftables takes the place of an earlier one whose rules another call deletes meanwhile', async () => {
    await call('ADD');
    const before = marks();
    expect(await Promise.all([call('ADD'), call('ADD')])).toEqual([result(web), result(web)]);
    expect(marks()).toEqual(before);
  });

  it('passes on the result of the plugin before it', async () => {
    expect(await call('ADD')).toEqual(result(web));
  });

  it('makes nothing where no ports are asked for', async () => {
    expect(await call('ADD', { portMappings: [] })).toEqual(result(web));
    expect(nft('list', 'ruleset')).toBe('');
  });

  describe.each(['0', '1'])('with bridge-nf-call-iptables = %s', (value) => {
    it.each([
      ['another container', pods.other],
      ['the container itself', pods.web],
    ])('leads the port to the container from %s', async (_, from) => {
      sysctl(host, 'net/bridge/bridge-nf-call-iptables', value);
      await call('ADD');
      await serve(pods.web, 'web');
      expect(await answer(from, '10.1.0.1')).toBe('web 10.1.0.1');
    });
  });

  it('leaves alone who connects to the same port of another machine, or to the container directly', async () => {
    await call('ADD', { portMappings: [{ ...mapping, hostPort: 80 }] });
    await Promise.all([serve(outside, 'outside'), serve(pods.web, 'web')]);
    expect(await answer(pods.other, '192.0.2.2', 80)).toBe('outside 10.1.0.3');
    expect(await answer(host, 'fd02::2', 80)).toBe('outside fd02::1');
    expect(await answer(pods.other, '10.1.0.2', 80)).toBe('web 10.1.0.3');
  });

  it('without snat leaves route_localnet as it is', async () => {
    await call('ADD', { keys: { snat: false } });
    expect(inside(host, 'cat', '/proc/sys/net/ipv4/conf/br0/route_localnet')).toBe('0\n');
  });

  it.each([
    ['without a result before it', { keys: { prevResult: undefined } }, 7, 'prevResult: is missing'],
    ['without an address in that result', { addresses: [] }, 7, 'has no address of interface eth0'],
    [
      'for a hostIP of a family that the container lacks',
      { addresses: ['10.1.0.2/24'], portMappings: [{ ...mapping, hostIP: 'fd02::1' }] },
      7,
      "runtimeConfig.portMappings[0].hostIP: port 8080 can't lead to the container, which has no IPv6 address",
    ],
    [
      'with conditions that nft does not know',
      { keys: { conditionsV4: ['nonsense'] } },
      7,
      'conditionsV4: ["nonsense"] is no condition: No symbol type information; write it like',
    ],
    [
      'with conditions of the other family',
      { keys: { conditionsV6: ['ip', 'saddr', '192.0.2.2'] } },
      7,
      'conditionsV6: ["ip","saddr","192.0.2.2"] is no',
    ],
    [
      'with parameters that iptables does not know',
      { backend: 'iptables', keys: { conditionsV6: ['--nonsense'] } },
      7,
      'unknown option "--nonsense"',
    ],
    [
      'with a chain that is not there',
      { backend: 'iptables', keys: { externalSetMarkChain: 'NOWHERE', conditionsV4: ['!', '-s', '192.0.2.2'] } },
      5,
      'NOWHERE',
    ],
    ['with keys of the other back end', { keys: { externalSetMarkChain: 'NOWHERE' } }, 7, 'externalSetMarkChain: is for iptables'],
  ])('fails %s and leaves nothing', async (_, wrong, code, message) => {
    expect(await call('ADD', wrong)).toMatchObject({ code, msg: expect.stringContaining(message) });
    expect(nft('list', 'ruleset')).not.toMatch(/counter name|comment "c|CNI-DN/);
  });
});

describe('DEL', () => {
  it('removes what ADD made by either back end and nothing of others, without a result or ports too, and succeeds again', async () => {
    for (const id of ['c1', 'c2']) for (const backend of backends) await call('ADD', { id, backend });
    const before = marks().length;
    for (let times = 0; times < 2; times++) {
      expect(await call('DEL', { portMappings: [], keys: { prevResult: undefined } })).toEqual({});
      expect([new Set(marks()), marks().length]).toEqual([new Set(['c2']), before / 2]);
    }
    await call('DEL', { id: 'c2' });
    expect(nft('list', 'ruleset')).not.toMatch(/counter name|comment "c|CNI-DN/);
  });

  it('leaves the ports of the same container on another network', async () => {
    await call('ADD');
    await call('ADD', { network: 'second', portMappings: [{ ...mapping, hostPort: 8081 }], addresses: ['10.1.0.3/24'] });
    await call('DEL');
    expect(nft('list', 'chain', 'ip', 'cni_hostport', 'hostports').match(/dport \d+/g)).toEqual(['dport 8081']);
  });

  it('succeeds where nothing was ever added', async () => {
    expect(await call('DEL')).toEqual({});
    expect(nft('list', 'ruleset')).toBe('');
  });

  it("removes the reference plugin's rules, of its older layout too", async () => {
    const table = 'ip cni_hostport';
    const rule = 'tcp dport 8080 dnat to 10.1.0.2:80 comment "c1"';
    for (const chain of ['hostports', 'hostip_hostports']) {
      nft(`add table ${table}; add chain ${table} ${chain}; add rule ${table} ${chain} ${rule}`);
    }
    nft(`add chain ${table} masquerading { type nat hook postrouting priority 100 ; }`);
    nft(`add rule ${table} masquerading ip saddr 10.1.0.2 ip daddr 10.1.0.2 masquerade comment "c1"`);
    expect(await call('DEL')).toEqual({});
    expect(marks()).toEqual([]);
  });
});

describe('CHECK', () => {
  const portMappings = [mapping, { ...mapping, protocol: 'udp', hostIP: '192.0.2.1' }];
  const ipv4 = (...parameters: string[]) => inside(host, 'iptables', '-t', ...parameters);
  const damages: Record<(typeof backends)[number], [damage: () => string, missing: string][]> = {
    nftables: [
      [() => nft('flush', 'chain', 'ip', 'cni_hostport', 'hostports'), 'the rule of tcp port 8080 in table ip cni_hostport'],
      [() => nft('flush', 'chain', 'ip6', 'cni_hostport', 'hostports'), 'in table ip6 cni_hostport'],
      [() => nft('flush', 'chain', 'ip', 'cni_hostport', 'masquerading'), 'a rule for masquerading'],
      [() => nft('flush chain ip cni_hostport masquerading; delete chain ip cni_hostport masquerading'), 'a rule for masquerading'],
      [() => nft('flush', 'chain', 'ip', 'cni_hostport', 'prerouting'), 'the jump of chain prerouting'],
      [() => nft('flush', 'chain', 'ip6', 'cni_hostport', 'hostports_all'), 'the jump of chain output in table ip6'],
      [() => nft('flush', 'chain', 'ip', 'cni_hostport', 'localnet'), "keeps others from the host's loopback addresses"],
    ],
    iptables: [
      [() => ipv4('nat', '-F', chain), `rule ${chain} -p udp --dport 8080 -d 192.0.2.1 -s 10.1.0.0/24`],
      [() => inside(host, 'ip6tables', '-t', 'nat', '-F', 'CNI-HOSTPORT-DNAT'), 'rule CNI-HOSTPORT-DNAT -m comment'],
      [() => ipv4('nat', '-F', 'OUTPUT'), 'rule OUTPUT -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT in table nat of IPv4'],
      [() => ipv4('nat', '-F', 'POSTROUTING'), 'rule POSTROUTING'],
      [() => ipv4('nat', '-F', 'CNI-HOSTPORT-SETMARK'), 'rule CNI-HOSTPORT-SETMARK'],
      [() => ipv4('nat', '-F', 'CNI-HOSTPORT-MASQ'), 'rule CNI-HOSTPORT-MASQ -m mark --mark 0x2000/0x2000 -j MASQUERADE'],
      [() => ipv4('raw', '-F'), 'rule PREROUTING -d 127.0.0.0/8'],
    ],
  };

  it.each(backends)('with %s names each kind of damage, which another ADD repairs', async (backend) => {
    const check = () => call('CHECK', { backend, portMappings });
    await call('ADD', { backend, portMappings });
    expect(await check()).toEqual({});
    const everyDamage: typeof damages.nftables = [
      ...damages[backend],
      [
        () => nft('flush', 'ruleset'),
        backend === 'nftables' ? 'the jump of chain output in table ip6' : 'chain CNI-HOSTPORT-SETMARK in table nat',
      ],
      [() => sysctl(host, 'net/ipv4/conf/br0/route_localnet', '0'), 'route_localnet of interface br0'],
    ];
    for (const [damage, missing] of everyDamage) {
      damage();
      expect(await check()).toMatchObject({ code: 999, msg: expect.stringContaining(missing) });
      await call('ADD', { backend, portMappings });
    }
    expect(await check()).toEqual({});
  });

  it.each(backends)('with %s names a port that leads elsewhere', async (backend) => {
    await call('ADD', { backend });
    const wrong = [{ portMappings: [{ ...mapping, containerPort: 81 }] }, { addresses: ['10.1.0.9/24'] }];
    for (const options of wrong) {
      const { msg } = await call('CHECK', { backend, ...options });
      expect(msg).toMatch(/the rule of tcp port 8080|rule CNI-DN-\w+ -p tcp --dport 8080 .*-j DNAT/);
    }
  });
});

describe('GC', () => {
  it('removes the containers of its network that are not valid, and no others', async () => {
    const add = (id: string, network: string) => backends.map((backend) => call('ADD', { id, network, backend }));
    await Promise.all([...['c1', 'c2', 'c3'].flatMap((id) => add(id, 'net')), ...add('c4', 'second')]);
    const valid = { 'cni.dev/valid-attachments': [{ containerID: 'c2', ifname: 'eth0' }] };
    expect(await call('GC', { keys: valid })).toEqual({});
    expect(new Set(marks())).toEqual(new Set(['c2', 'c4']));
    for (const backend of backends) expect(await call('CHECK', { id: 'c2', backend })).toEqual({});
  });

  it('without a list of valid attachments removes nothing', async () => {
    await call('ADD');
    expect(await call('GC')).toMatchObject({ code: 7, msg: expect.stringContaining('cni.dev/valid-attachments') });
    expect(marks()).not.toEqual([]);
  });
});

describe('STATUS', () => {
  it.each(backends)('succeeds where %s works', async (backend) => {
    expect(await call('STATUS', { backend })).toEqual({});
  });
});

describe('without the key backend', () => {
  it('ADD maps by iptables', async () => {
    await call('ADD', { backend: null });
    expect(inside(host, 'iptables', '-t', 'nat', '-S')).toContain(`-N ${chain}`);
    expect(nft('list', 'tables')).not.toContain('cni_hostport');
  });

  it('ADD maps by nftables where there is no iptables', async ({ onTestFinished }) => {
    const path = await mkdtemp(join(tmpdir(), 'berth-portmap-'));
    onTestFinished(() => rm(path, { recursive: true }));
    for (const program of ['ip', 'nft']) await symlink(findOnPath(program), join(path, program));
    await call('ADD', { backend: null, path });
    expect(nft('list', 'tables')).toBe('table ip cni_hostport\ntable ip6 cni_hostport\n');
  });
});
