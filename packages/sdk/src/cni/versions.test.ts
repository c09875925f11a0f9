import { describe, expect, it } from 'vitest';
import type { Result } from './types.ts';
import { compareVersions, highestSupported, readResult, supportedVersions, writeResult } from './versions.ts';

const result: Result = {
  cniVersion: '1.1.0',
  interfaces: [{ name: 'eth0', mac: '02:00:00:00:00:01', mtu: 1400, sandbox: '/run/netns/a' }],
  ips: [
    { address: '10.1.0.2/16', gateway: '10.1.0.1', interface: 0 },
    { address: 'fd00::2/64', gateway: 'fd00::1', interface: 0 },
  ],
  routes: [{ dst: '0.0.0.0/0', gw: '10.1.0.1', mtu: 1300 }],
  dns: { nameservers: ['10.1.0.10'] },
};

describe('results', () => {
  it('are written whole in 1.1.0', () => {
    expect(writeResult(result, '1.1.0')).toEqual(result);
  });

  it('are the same in 1.0.0 but for its name', () => {
    expect(writeResult(result, '1.0.0')).toEqual({ ...result, cniVersion: '1.0.0' });
  });

  it.each(['0.3.0', '0.3.1', '0.4.0'])('name the family of each address in %s, and of interfaces only what it knows', (version) => {
    expect(writeResult(result, version)).toEqual({
      cniVersion: version,
      interfaces: [{ name: 'eth0', mac: '02:00:00:00:00:01', sandbox: '/run/netns/a' }],
      ips: [
        { version: '4', address: '10.1.0.2/16', gateway: '10.1.0.1', interface: 0 },
        { version: '6', address: 'fd00::2/64', gateway: 'fd00::1', interface: 0 },
      ],
      routes: result.routes,
      dns: { nameservers: ['10.1.0.10'] },
    });
  });

  it.each(['0.1.0', '0.2.0'])('have one address of each family in %s, with its routes', (version) => {
    const more = { ...result, ips: [...(result.ips ?? []), { address: '10.2.0.2/16' }] };
    expect(writeResult(more, version)).toEqual({
      cniVersion: version,
      ip4: { ip: '10.1.0.2/16', gateway: '10.1.0.1', routes: [{ dst: '0.0.0.0/0', gw: '10.1.0.1' }] },
      ip6: { ip: 'fd00::2/64', gateway: 'fd00::1' },
      dns: { nameservers: ['10.1.0.10'] },
    });
  });

  it('can not be written without an address in 0.2.0', () => {
    expect(() => writeResult({ interfaces: [{ name: 'eth0' }] }, '0.2.0')).toThrow(
      "a result without an address can't be written in version 0.2.0; write cniVersion 0.3.0 or newer into the network configuration",
    );
  });

  it('of 0.2.0 are read with the routes that they have', () => {
    const ip4 = { ip: '10.1.0.2/16', gateway: '10.1.0.1', routes: [{ dst: '0.0.0.0/0' }, { dst: '10.9.0.0/16', gw: '10.1.0.9' }] };
    expect(readResult({ cniVersion: '0.2.0', ip4, dns: {} }, '1.0.0', 'result')).toEqual({
      cniVersion: '1.1.0',
      ips: [{ address: '10.1.0.2/16', gateway: '10.1.0.1' }],
      routes: ip4.routes,
      dns: {},
    });
  });

  it('take the version of their configuration where they name none', () => {
    expect(readResult({ ip4: { ip: '10.1.0.2/16' } }, '0.2.0', 'result').ips).toEqual([{ address: '10.1.0.2/16' }]);
  });

  it.each(supportedVersions)('say the same when they are read and written in %s again', (version) => {
    const written = writeResult(result, version);
    expect(writeResult(readResult(written, version, 'result'), version)).toEqual(written);
  });

  it.each(supportedVersions)('keep their addresses through %s and back', (version) => {
    const addresses = readResult(writeResult(result, version), version, 'result').ips?.map(({ address, gateway }) => ({
      address,
      gateway,
    }));
    expect(addresses).toEqual(result.ips?.map(({ address, gateway }) => ({ address, gateway })));
  });

  it.each([
    [[], 'is not a JSON object'],
    [{ cniVersion: '9.0.0' }, 'has version 9.0.0'],
    [{ cniVersion: '1.0.0', ips: {} }, 'ips is not a list'],
    [{ cniVersion: '0.2.0', ip4: '10.1.0.2/16' }, 'ip4.ip is not a string'],
    [{ cniVersion: '0.2.0', ip6: { ip: 'fd00::2/64', routes: [{}] } }, 'ip6.routes[0].dst is not a string'],
    [{ cniVersion: '1.0.0', interfaces: ['eth0'] }, 'interfaces is not a list of objects'],
    [{ cniVersion: '1.0.0', ips: [{ address: '10.1.0.2/16' }, { ip: '10.1.0.3' }] }, 'ips[1].address is not a string'],
  ])('that are wrong are refused: %j', (value, message) => {
    expect(() => readResult(value, '1.0.0', 'prevResult')).toThrow(`prevResult: ${message}`);
  });
});

describe('versions', () => {
  it('compare by number, not by text', () => {
    expect(compareVersions('0.10.0', '0.9.0')).toBeGreaterThan(0);
    expect(compareVersions('1.0.0', '1.0.0')).toBe(0);
  });

  it('the highest that is supported is chosen', () => {
    expect(highestSupported(['0.4.0', '1.1.0', '9.0.0', '1.0.0'])).toBe('1.1.0');
    expect(highestSupported(['9.0.0'])).toBeUndefined();
  });
});
