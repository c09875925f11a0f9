import { expect, it } from 'vitest';
import { deviceHints } from './device-hints.ts';
import { type DeviceSet, deviceNear } from './device-set.ts';

const four: DeviceSet = new Map([
  ['a', deviceNear([0])],
  ['b', deviceNear([0])],
  ['c', deviceNear([1])],
  ['d', deviceNear([1])],
]);
const all = ['a', 'b', 'c', 'd'];
const hints = (devices: DeviceSet, count: number, available: string[], reusable: string[] = []) =>
  deviceHints(devices, [0, 1], { count, available, reusable })?.map(({ affinity, preferred }) => `${affinity}${preferred ? '*' : ''}`);

it.each<[what: string, count: number, available: string[], reusable: string[], expected: string[]]>([
  ['two fit on either node', 2, all, [], ['1*', '2*', '3']],
  ['two of which only one is free on a node', 2, ['a', 'c', 'd'], [], ['2*', '3']],
  ['two that are free on two nodes only would fit on one of an empty machine', 2, ['a', 'c'], [], ['3']],
  ['three need both nodes', 3, all, [], ['3*']],
  ['more than are free', 3, ['a', 'b'], [], []],
  ['those that may be had again decide', 2, ['b', 'c', 'd'], ['a'], ['1*', '3']],
  ['what a container has is where it is', 2, [], ['c', 'd'], ['2*', '3']],
])('%s', (_what, count, available, reusable, expected) => {
  expect(hints(four, count, available, reusable)).toEqual(expected);
});

it('devices that are near to nothing have no preference', () => {
  expect(hints(new Map([['a', deviceNear([])]]), 1, ['a'])).toBeUndefined();
});
