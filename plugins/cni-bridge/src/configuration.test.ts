import { describe, expect, it } from 'vitest';
import { readConfiguration, readRemoval } from './configuration.ts';

const read = (keys: object, args: Record<string, string> = {}) => readConfiguration({ config: { type: 'bridge', ...keys }, args });

describe('the configuration', () => {
  it('has the defaults of the reference plugin', () => {
    expect(read({})).toEqual({
      bridge: 'cni0',
      isGateway: false,
      isDefaultGateway: false,
      forceAddress: false,
      ipMasq: false,
      hairpinMode: false,
      promiscMode: false,
      vlan: 0,
      vlanTrunk: [],
      preserveDefaultVlan: true,
      macspoofchk: false,
      enabledad: false,
      disableContainerInterface: false,
      portIsolation: false,
    });
  });

  it('makes a default gateway a gateway', () => {
    expect(read({ isDefaultGateway: true }).isGateway).toBe(true);
  });

  it('prefers the hardware address of the runtime to that of args, and that to CNI_ARGS', () => {
    const args = { cni: { mac: '02:00:00:00:00:02' } };
    expect(read({}, { MAC: '02:00:00:00:00:01' }).mac).toBe('02:00:00:00:00:01');
    expect(read({ args }, { MAC: '02:00:00:00:00:01' }).mac).toBe('02:00:00:00:00:02');
    expect(read({ args, runtimeConfig: { mac: '02-00-00-00-00-0A' } }).mac).toBe('02:00:00:00:00:0a');
  });

  it('reads a trunk of single VLANs and ranges, in order, each once', () => {
    expect(read({ vlanTrunk: [{ minID: 7, maxID: 9 }, { id: 8 }, { id: 5, minID: 20, maxID: 20 }] }).vlanTrunk).toEqual([5, 7, 8, 9, 20]);
    expect(read({ vlanTrunk: [], vlan: 5 }).vlanTrunk).toEqual([]);
  });

  it('reads the name servers, and none where there are only empty keys', () => {
    expect(read({ dns: { nameservers: ['10.1.0.1'], search: [], domain: 'a.test' } }).dns).toEqual({
      nameservers: ['10.1.0.1'],
      domain: 'a.test',
    });
    expect(read({ dns: {} }).dns).toBeUndefined();
  });

  const wrong: [keys: object, message: string][] = [
    [{ bridge: 5 }, 'bridge: must be a string, and is 5'],
    [{ bridge: 'a/b' }, 'bridge: "a/b" holds "/", ":" or a space'],
    [{ bridge: 'longer-than-15-b' }, 'bridge: "longer-than-15-b" is longer than 15 bytes'],
    ...[
      'isGateway',
      'isDefaultGateway',
      'forceAddress',
      'ipMasq',
      'hairpinMode',
      'promiscMode',
      'preserveDefaultVlan',
      'macspoofchk',
      'enabledad',
      'disableContainerInterface',
      'portIsolation',
    ].map((key): [object, string] => [{ [key]: 'true' }, `${key}: must be true or false, and is "true"`]),
    [{ ipMasqBackend: 'ebtables' }, 'ipMasqBackend: must be one of iptables, nftables, and is "ebtables"'],
    [{ mtu: -1 }, 'mtu: must be a whole number from 0 to 65535, and is -1'],
    [{ mtu: '1500' }, 'mtu: must be a whole number'],
    [{ mtu: 60 }, "mtu: must be at least 68, and is 60; use a larger one, or leave it out for the kernel's"],
    [{ vlan: 4095 }, 'vlan: must be a whole number from 0 to 4094'],
    [{ vlanTrunk: { id: 5 } }, 'vlanTrunk: must be a list'],
    [{ vlanTrunk: [5] }, 'vlanTrunk[0]: must be an object'],
    [{ vlanTrunk: [{ id: 0 }] }, 'vlanTrunk[0].id: must be a whole number from 1 to 4094'],
    [{ vlanTrunk: [{ id: 1 }, { minID: 5 }] }, 'vlanTrunk[1].maxID: is missing'],
    [{ vlanTrunk: [{ maxID: 5 }] }, 'vlanTrunk[0].minID: is missing'],
    [{ vlanTrunk: [{ minID: 6, maxID: 5 }] }, 'vlanTrunk[0].maxID: 5 is less than minID, 6'],
    [{ hairpinMode: true, promiscMode: true }, 'hairpinMode: excludes promiscMode'],
    [{ vlan: 5, vlanTrunk: [{ id: 6 }] }, 'vlan: excludes vlanTrunk'],
    [{ ipam: { type: 'host-local' }, disableContainerInterface: true }, 'disableContainerInterface: excludes ipam'],
    [{ isGateway: true, vlan: 100, bridge: 'twelve-chars' }, 'bridge: "twelve-chars" leaves no room for the gateway'],
    [{ isGateway: true, vlan: 100, bridge: 'äöüäöü' }, 'bridge: "äöüäöü" leaves no room for the gateway'],
    [{ ipam: 'host-local' }, 'ipam: must be an object'],
    [{ ipam: { type: 5 } }, 'ipam.type: must be a string'],
    [{ args: { cni: { mac: 5 } } }, 'args.cni.mac: must be a string'],
    [{ runtimeConfig: { mac: 'xx' } }, 'runtimeConfig.mac: must be a hardware address'],
    [{ runtimeConfig: { mac: '01:00:00:00:00:01' } }, 'runtimeConfig.mac: 01:00:00:00:00:01 is no address of one interface'],
    [{ dns: { nameservers: '10.1.0.1' } }, 'dns.nameservers: must be a list'],
    [{ dns: { search: [5] } }, 'dns.search[0]: must be a string'],
  ];
  it.each(wrong)('refuses %j with code 7', (keys, message) => {
    expect(() => read(keys)).toThrow(expect.objectContaining({ cniCode: 7, message: expect.stringContaining(message) }));
  });
});

describe('what DEL looks for', () => {
  const removal = (keys: object) => readRemoval({ config: { type: 'bridge', ...keys } });

  it('is what ADD may have made, whatever the values are', () => {
    expect(removal({})).toEqual({ ipMasq: false, ipMasqBackend: 'iptables', macspoofchk: false });
    expect(removal({ ipMasq: true, ipMasqBackend: 'nftables', macspoofchk: false, bridge: 5 })).toEqual({
      ipMasq: true,
      ipMasqBackend: 'nftables',
      macspoofchk: false,
    });
    expect(removal({ ipMasq: 'yes', ipMasqBackend: 'nft', macspoofchk: 1 })).toEqual({
      ipMasq: true,
      ipMasqBackend: 'iptables',
      macspoofchk: true,
    });
  });
});
