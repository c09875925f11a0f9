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

  it('lose in 1.0.0 what only 1.1.0 can say', () => {
    const written = writeResult(result, '1.0.0');
    expect(written.interfaces).toEqual([{ name: 'eth0', mac: '02:00:00:00:00:01', sandbox: '/run/netns/a' }]);
    expect(written.routes).toEqual([{ dst: '0.0.0.0/0', gw: '10.1.0.1' }]);
  });

  it.each(['0.3.0', '0.3.1', '0.4.0'])('name the family of each address in %s', (version) => {
    expect(writeResult(result, version).ips).toMatchObject([{ version: '4' }, { version: '6' }]);
  });

  it('have one address of each family in 0.2.0, with its routes', () => {
    expect(writeResult(result, '0.2.0')).toEqual({
      cniVersion: '0.2.0',
      ip4: { ip: '10.1.0.2/16', gateway: '10.1.0.1', routes: [{ dst: '0.0.0.0/0', gw: '10.1.0.1' }] },
      ip6: { ip: 'fd00::2/64', gateway: 'fd00::1', routes: [] },
      dns: { nameservers: ['10.1.0.10'] },
    });
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
