import { describe, expect, it } from 'vitest';
import { readConfiguration } from './configuration.ts';

const read = (keys: object) => readConfiguration({ type: 'portmap', ...keys });
const readMapping = (keys: object) =>
  read({ runtimeConfig: { portMappings: [{ hostPort: 8080, containerPort: 80, ...keys }] } }).mappings[0];

describe('the configuration', () => {
  it('has the defaults of the reference plugin', () => {
    expect(read({})).toEqual({ mappings: [], snat: true, masqAll: false, conditions: { 4: '', 6: '' } });
  });

  it('makes an expression of the words of a condition', () => {
    const keys = {
      backend: 'nftables',
      conditionsV4: ['ip', 'daddr', '!=', '{ 192.0.2.1, 192.0.2.2 }'],
      conditionsV6: ['iifname', '"eth0"'],
    };
    expect(read(keys).conditions).toEqual({ 4: 'ip daddr != { 192.0.2.1, 192.0.2.2 }', 6: 'iifname "eth0"' });
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
    [{ snat: 'no' }, 'snat: must be a boolean'],
    [{ masqAll: 1 }, 'masqAll: must be a boolean'],
    [{ conditionsV4: 'ip' }, 'conditionsV4: must be a list of strings'],
    [{ conditionsV4: ['!', '-d', '192.0.2.1'] }, 'conditionsV4: "-d" is no part of an nft expression'],
    [{ conditionsV6: ['ip6', 'daddr', '::1\nflush ruleset'] }, 'conditionsV6: "::1\\nflush ruleset" is no part'],
    [{ conditionsV6: ['accept; flush ruleset'] }, 'conditionsV6:'],
    [{ runtimeConfig: { portMappings: {} } }, 'runtimeConfig.portMappings: must be a list'],
    [{ runtimeConfig: { portMappings: [8080] } }, 'runtimeConfig.portMappings[0]: must be an object'],
  ])('refuses %j with code 7', (keys, message) => {
    expect(() => read(keys)).toThrow(expect.objectContaining({ cniCode: 7, message: expect.stringContaining(message) }));
  });

  it.each([
    [{ hostPort: 0 }, 'portMappings[0].hostPort: must be a port from 1 to 65535, and is 0'],
    [{ hostPort: '8080' }, 'hostPort: must be a port'],
    [{ containerPort: 65536 }, 'containerPort: must be a port'],
    [{ containerPort: 1.5 }, 'containerPort: must be a port'],
    [{ protocol: 'icmp' }, 'protocol: must be one of tcp, udp, sctp, and is "icmp"'],
    [{ hostIP: 'localhost' }, 'hostIP: "localhost" is no IP address'],
  ])('refuses a mapping with %j with code 7', (keys, message) => {
    expect(() => readMapping(keys)).toThrow(expect.objectContaining({ cniCode: 7, message: expect.stringContaining(message) }));
  });

  it.each([{ backend: 'iptables' }, { markMasqBit: 14 }, { externalSetMarkChain: 'KUBE-MARK-MASQ' }])('refuses %j with code 2', (keys) => {
    const [key = ''] = Object.keys(keys);
    expect(() => read(keys)).toThrow(expect.objectContaining({ cniCode: 2, message: expect.stringContaining(key) }));
  });
});
