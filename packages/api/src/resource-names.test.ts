import { expect, it } from 'vitest';
import { isExtendedResourceName } from './resource-names.ts';

it.each([
  ['nvidia.com/gpu', true],
  ['nvidia.com/gpu.shared', true],
  ['vendor.example/a_b', true],
  ['cpu', false],
  ['kubernetes.io/thing', false],
  ['sub.kubernetes.io/thing', false],
  ['requests.vendor.example/a', false],
  ['vendor.example/', false],
  ['vendor.example/a/b', false],
  ['Vendor.example/a', false],
  [`vendor.example/${'a'.repeat(64)}`, false],
  [`${'a'.repeat(245)}/a`, false],
])('%s: %s', (name, expected) => {
  expect(isExtendedResourceName(name)).toBe(expected);
});
