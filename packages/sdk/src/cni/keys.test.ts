import { describe, expect, it } from 'vitest';
import { Keys } from './keys.ts';

describe('Keys', () => {
  const keys = new Keys({ on: true, name: 'a', mtu: 1500, none: null, empty: '', ipam: { ranges: [{ n: 1 }, 2] }, words: ['a', 1] });

  it('gives what is set', () => {
    expect([keys.boolean('on'), keys.string('name'), keys.integer('mtu', 0, 9000), keys.oneOf('name', ['a', 'b'])]).toEqual([
      true,
      'a',
      1500,
      'a',
    ]);
    expect(keys.object('ipam')?.list('ranges')).toHaveLength(2);
  });

  it.each(['none', 'empty', 'absent'])('takes %s for not set', (key) => {
    expect([
      keys.boolean(key),
      keys.string(key),
      keys.integer(key, 0, 1),
      keys.oneOf(key, ['a']),
      keys.object(key),
      keys.list(key),
    ]).toEqual([undefined, undefined, undefined, undefined, undefined, []]);
  });

  it.each<[string, () => unknown]>([
    ['name: must be true or false, and is "a"', () => keys.boolean('name')],
    ['on: must be a string, and is true', () => keys.string('on')],
    ['name: must be one of x, y, and is "a"', () => keys.oneOf('name', ['x', 'y'])],
    ['mtu: must be a whole number from 0 to 9, and is 1500', () => keys.integer('mtu', 0, 9)],
    ['on: must be an object, and is true', () => keys.object('on')],
    ['on: must be a list, and is true', () => keys.list('on')],
    ['words[1]: must be a string, and is 1', () => keys.strings('words')],
    ['ipam.ranges[1]: must be an object, and is 2', () => keys.object('ipam')?.objects('ranges')],
    ['network configuration: must be an object, and is []', () => new Keys([])],
  ])('refuses with code 7: %s', (message, read) => {
    expect(read).toThrow(expect.objectContaining({ cniCode: 7, message }));
  });

  it('keeps a long value out of its message', () => {
    expect(() => new Keys({ on: 'x'.repeat(10_000_000) }).boolean('on')).toThrow(/^on: must be true or false, and is "x{99}\.\.\.$/);
  });
});
