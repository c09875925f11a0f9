import { expect, it } from 'vitest';
import { NextHops } from './next-hops.ts';

it('the longest prefix that holds the destination counts', () => {
  const hops = [
    { network: 0x0a050000, length: 16, host: 1 },
    { network: 0x0a050200, length: 24, host: 2 },
    { network: 0xc0a80000, length: 24, host: 3 },
  ];
  const found = new NextHops(hops, (host) => `host ${host}`);
  expect([0x0a050909, 0x0a0502ff, 0xc0a80001, 0xc0a80101].map((address) => found.find(address))).toEqual([
    'host 1',
    'host 2',
    'host 3',
    undefined,
  ]);
});
