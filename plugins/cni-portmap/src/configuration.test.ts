import { describe, expect, it } from 'vitest';
import { type Backend, checkBackend, readConfiguration } from './configuration.ts';

const read = (keys: object) => readConfiguration({ type: 'portmap', ...keys });
const readMapping = (keys: object) =>
  read({ runtimeConfig: { portMappings: [{ hostPort: 8080, containerPort: 80, ...keys }] } }).mappings[0];

describe('the configuration', () => {
  it('has the defaults of the reference plugin', () => {
    expect(read({})).toEqual({ mappings: [], snat: true, masqAll: false, markMasqBit: 13, conditions: { 4: [], 6: [] } });
  });

  it.each<[backend: Backend, keys: object]>([
    ['nftables', { conditionsV4: ['ip', 'daddr', '!=', '{ 192.0.2.1, 192.0.2.2 }'] }],
    ['iptables', { conditionsV6: ['!', '-d', '::1', '-m', 'comment', '--comment', 'a; b # c'] }],
    ['iptables', { externalSetMarkChain: 'KUBE-MARK-MASQ' }],
    ['nftables', { markMasqBit: 14, conditionsV4: [] }],
  ])('takes for %s %j', (backend, keys) => {
    const configuration = read(keys);
    expect(configuration).toMatchObject({ markMasqBit: 'markMasqBit' in keys ? 14 : 13 });
    expect(() => checkBackend(configuration, backend)).not.toThrow();
  });

  it.each<[backend: Backend, keys: object, message: string]>([
    ['iptables', { conditionsV4: ['ip', 'daddr', '192.0.2.1'] }, 'conditionsV4: is for nftables, and the back end is iptables'],
    ['nftables', { conditionsV6: ['!', '-d', '::1'] }, 'conditionsV6: is for iptables'],
    ['nftables', { externalSetMarkChain: 'X' }, 'externalSetMarkChain: is for iptables'],
  ])('refuses for %s %j with code 7', (backend, keys, message) => {
    const wanted = expect.objectContaining({ cniCode: 7, message: expect.stringContaining(message) });
    expect(() => checkBackend(read(keys), backend)).toThrow(wanted);
  });

  it.each<[what: string, keys: object, mapping: object]>([
    ['is of tcp and every address', {}, { protocol: 'tcp' }],
    ['takes a protocol in capitals', { protocol: 'UDP' }, { protocol: 'udp' }],
    ['knows SCTP', { protocol: 'sctp' }, { protocol: 'sctp' }],
    ['takes an empty hostIP for none', { hostIP: '' }, { protocol: 'tcp' }],
    ['has an address of the host', { hostIP: '192.0.2.1' }, { protocol: 'tcp', hostIP: { family: 4, value: 0xc0000201n } }],
  ])('a mapping %s', (_, keys, mapping) => {
    expect(readMapping(keys)).toEqual({ hostPort: 8080, containerPort: 80, ...mapping });
  });

  it.each([
    [{ snat: 'no' }, 'snat: must be true or false, and is "no"'],
    [{ masqAll: 1 }, 'masqAll: must be true or false'],
    [{ backend: 'ebtables' }, 'backend: must be one of iptables, nftables, and is "ebtables"'],
    [{ markMasqBit: 32 }, 'markMasqBit: must be a whole number from 0 to 31'],
    [{ markMasqBit: 0, externalSetMarkChain: 'X' }, "externalSetMarkChain: can't be set together with markMasqBit"],
    [{ externalSetMarkChain: 'A B' }, 'externalSetMarkChain: must be the name of a chain'],
    [{ conditionsV4: 'ip' }, 'conditionsV4: must be a list'],
    [{ conditionsV4: [1] }, 'conditionsV4[0]: must be a string'],
    [{ conditionsV4: ['ip', '-d', '192.0.2.1'] }, 'conditionsV4: "-d" is no part of a condition'],
    [{ conditionsV4: ['-d', '192.0.2.1\nCOMMIT'] }, 'conditionsV4: "192.0.2.1\\nCOMMIT" is no part of a condition'],
    [{ conditionsV6: ['ip6', 'daddr', '::1\nflush ruleset'] }, 'conditionsV6: "::1\\nflush ruleset" is no part'],
    [{ conditionsV6: ['accept; flush ruleset'] }, 'conditionsV6:'],
    [{ runtimeConfig: [] }, 'runtimeConfig: must be an object'],
    [{ runtimeConfig: { portMappings: {} } }, 'runtimeConfig.portMappings: must be a list'],
    [{ runtimeConfig: { portMappings: [8080] } }, 'runtimeConfig.portMappings[0]: must be an object'],
  ])('refuses %j with code 7', (keys, message) => {
    expect(() => read(keys)).toThrow(expect.objectContaining({ cniCode: 7, message: expect.stringContaining(message) }));
  });

  it.each([
    [{ hostPort: 0 }, 'runtimeConfig.portMappings[0].hostPort: must be a whole number from 1 to 65535, and is 0'],
    [{ hostPort: '8080' }, 'hostPort: must be a whole number'],
    [{ containerPort: 65536 }, 'containerPort: must be a whole number'],
    [{ containerPort: null }, 'containerPort: is missing'],
    [{ containerPort: 1.5 }, 'containerPort: must be a whole number'],
    [{ protocol: 'icmp' }, 'protocol: must be one of tcp, udp, sctp, and is "icmp"'],
    [{ hostIP: 'localhost' }, 'hostIP: must be an IP address, and is "localhost"'],
  ])('refuses a mapping with %j with code 7', (keys, message) => {
    expect(() => readMapping(keys)).toThrow(expect.objectContaining({ cniCode: 7, message: expect.stringContaining(message) }));
  });
});
