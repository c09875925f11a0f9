import { describe, expect, it } from 'vitest';
import { addressesOf, expectShape, isAtLeast, parseError, parseObject } from './results.ts';

describe('expectShape', () => {
  const ip = { address: '10.1.0.2/16', gateway: '10.1.0.1', interface: 0 };
  const ips = [ip];
  const interfaces = [{ name: 'eth0', sandbox: '/run/netns/a' }];

  it.each([
    ['0.2.0', { ip4: { ip: '10.1.0.2/16', routes: [{ dst: '0.0.0.0/0' }] } }],
    ['0.4.0', { interfaces, ips: [{ version: '4', ...ip }] }],
    ['1.0.0', { interfaces, ips }],
    ['1.1.0', {}],
  ])('takes a result of %s', (cniVersion, result) => {
    expect(() => expectShape({ cniVersion, ...result }, cniVersion)).not.toThrow();
  });

  it.each([
    ['0.2.0', { ips }, 'ips is of 0.3.0 and later'],
    ['0.4.0', { ips }, 'ips[0].version in 0.4.0'],
    ['1.0.0', { interfaces, ips: [{ version: '4', ...ip }] }, 'ips[0].version in 1.0.0'],
    ['1.0.0', { ips }, 'ips[0].interface is 0 of 0 interfaces'],
    ['1.0.0', { ips: [{ address: '10.1.0.2' }] }, 'ips[0].address: expected'],
    ['1.0.0', { ip4: { ip: '10.1.0.2/16' } }, 'ip4 and ip6 ended with 0.2.0'],
    ['1.0.0', { cniVersion: '0.4.0' }, 'cniVersion of the result'],
    ['1.0.0', { routes: [{ dst: 'default' }] }, 'routes[0].dst'],
  ])('refuses %j of %s', (cniVersion, result, reason) => {
    expect(() => expectShape({ cniVersion, ...(result as object) }, cniVersion)).toThrow(reason);
  });
});

describe('addressesOf', () => {
  it('reads results of all versions', () => {
    expect(addressesOf({ ip4: { ip: '10.1.0.2/16' }, ip6: { ip: 'fd00::2/64' } })).toEqual(['10.1.0.2/16', 'fd00::2/64']);
    expect(addressesOf({ ips: [{ address: '10.1.0.2/16' }] })).toEqual(['10.1.0.2/16']);
    expect(addressesOf({})).toEqual([]);
  });
});

describe('parseError', () => {
  it('reads an error object', () => {
    expect(parseError('{"cniVersion":"1.0.0","code":7,"msg":"no name"}')).toEqual({ cniVersion: '1.0.0', code: 7, msg: 'no name' });
  });

  it.each([
    ['', 'is not JSON'],
    ['level=info\n{"code":7,"msg":"x"}', 'is not JSON'],
    ['[]', 'is not a JSON object'],
    ['{"code":0,"msg":"x"}', 'no positive integer'],
    ['{"code":"7","msg":"x"}', 'no positive integer'],
    ['{"code":7}', 'msg of the error is undefined'],
    ['{"code":7,"msg":"x","details":{}}', 'details of the error is no string'],
  ])('refuses %j', (stdout, reason) => {
    expect(() => parseError(stdout)).toThrow(reason);
  });
});

it('isAtLeast compares numbers, not text', () => {
  expect(isAtLeast('0.10.0', '0.9.0')).toBe(true);
  expect(isAtLeast('1.0.0', '1.0.0')).toBe(true);
  expect(isAtLeast('0.4.0', '1.0.0')).toBe(false);
});

it('parseObject names what it is about', () => {
  expect(() => parseObject('no', 'answer')).toThrow('answer is not JSON: "no"');
});
