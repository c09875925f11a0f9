import { describe, expect, it } from 'vitest';
import {
  answer,
  backends,
  type Call,
  call,
  call as callOn,
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

describe.each(backends)('with %s, ADD', (backend) => {
  const call = (verb: string, options: Call = {}) => callOn(verb, { backend, ...options });

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
