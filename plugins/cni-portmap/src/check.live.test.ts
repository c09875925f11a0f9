import { describe, expect, it } from 'vitest';
import { backends, call, containerChain, host, inside, mapping, nft, sysctl, useHost } from './mapped-host.fixture.ts';

useHost();

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
      [() => ipv4('nat', '-F', containerChain), `rule ${containerChain} -p udp --dport 8080 -d 192.0.2.1 -s 10.1.0.0/24`],
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
