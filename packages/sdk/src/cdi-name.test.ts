import { describe, expect, it } from 'vitest';
import { isCdiDeviceName, isCdiKind, isCdiName } from './cdi-name.ts';

describe('a kind', () => {
  it.each(['vendor.com/net', 'nvidia.com/gpu', 'k8s.device-plugin.nvidia.com/gpu', 'a/b', 'vendor_1.com/my-class.v2'])(
    'may be %s',
    (kind) => expect(isCdiKind(kind)).toBe(true),
  );
  it.each([
    '',
    'vendor.com',
    '/net',
    'vendor.com/',
    '1vendor.com/net',
    'vendor.com/1net',
    'vendor.com-/net',
    'vendor.com/net_',
    'a/b/c',
    'ä/b',
    'a/b\n',
  ])('may not be %j', (kind) => expect(isCdiKind(kind)).toBe(false));
});

describe('a name of a device', () => {
  it.each(['0', 'all', 'gpu0', 'GPU-1b2c', '1:0', 'MIG-GPU_0.1-2'])('may be %s', (name) => {
    expect([isCdiDeviceName(name), isCdiName(`vendor.com/class=${name}`)]).toEqual([true, true]);
  });
  it.each(['', '-0', '0-', ':0', 'a/b', 'a=b', 'a b', '0\n'])('may not be %j', (name) => {
    expect([isCdiDeviceName(name), isCdiName(`vendor.com/class=${name}`)]).toEqual([false, false]);
  });
});

it.each(['gpu0', 'vendor.com=0', '/class=0', 'vendor.com/class'])('%j is no device in full', (name) => expect(isCdiName(name)).toBe(false));
