import { describe, expect, it } from 'vitest';
import { readConfiguration, refuseUnsupported } from './configuration.ts';

const read = (keys: object, args: Record<string, string> = {}) => readConfiguration({ config: { type: 'bridge', ...keys }, args });

describe('the configuration', () => {
  it('has the defaults of the reference plugin', () => {
    expect(read({})).toEqual({
      bridge: 'cni0',
      mtu: 0,
      isGateway: false,
      isDefaultGateway: false,
      forceAddress: false,
      ipMasq: false,
      hairpinMode: false,
      promiscMode: false,
    });
  });

  it('makes a default gateway a gateway', () => {
    expect(read({ isDefaultGateway: true }).isGateway).toBe(true);
  });

  it('prefers the hardware address of the runtime to that of args, and that to CNI_ARGS', () => {
    const args = { cni: { mac: '02:00:00:00:00:02' } };
    expect(read({}, { MAC: '02:00:00:00:00:01' }).mac).toBe('02:00:00:00:00:01');
    expect(read({ args }, { MAC: '02:00:00:00:00:01' }).mac).toBe('02:00:00:00:00:02');
    expect(read({ args, runtimeConfig: { mac: '02:00:00:00:00:03' } }).mac).toBe('02:00:00:00:00:03');
  });

  it.each([
    [{ bridge: 5 }, 'bridge: must be a string, and is 5'],
    [{ bridge: 'a/b' }, 'bridge: "a/b" is no interface name'],
    [{ isGateway: 'yes' }, 'isGateway: must be a boolean'],
    [{ mtu: -1 }, 'mtu: -1 is not between'],
    [{ mtu: '1500' }, 'mtu: must be a number'],
    [{ hairpinMode: true, promiscMode: true }, 'hairpinMode: excludes promiscMode'],
    [{ ipam: 'host-local' }, 'ipam: must be an object'],
    [{ runtimeConfig: { mac: 'xx' } }, 'mac: "xx" is no hardware address'],
  ])('refuses %j with code 7', (keys, message) => {
    expect(() => read(keys)).toThrow(expect.objectContaining({ cniCode: 7, message: expect.stringContaining(message) }));
  });

  it.each([
    { vlan: 5 },
    { vlanTrunk: [{ id: 5 }] },
    { macspoofchk: true },
    { portIsolation: true },
    { enabledad: true },
    { ipMasqBackend: 'iptables' },
  ])('refuses %j, which it would have to ignore, with code 2', (keys) => {
    const [key = ''] = Object.keys(keys);
    expect(() => refuseUnsupported(keys)).toThrow(expect.objectContaining({ cniCode: 2, message: expect.stringContaining(key) }));
  });

  it('takes those keys where they ask for nothing', () => {
    expect(() =>
      refuseUnsupported({ vlan: 0, vlanTrunk: [], macspoofchk: false, ipMasqBackend: 'nftables', preserveDefaultVlan: true }),
    ).not.toThrow();
  });
});
