import { describe, expect, it } from 'vitest';
import { kindOf } from './kind.ts';

describe('kindOf', () => {
  it.each([
    ['bridge', undefined, false, 'main'],
    ['host-local', undefined, false, 'ipam'],
    ['portmap', undefined, false, 'meta'],
    ['mine', { ipam: { type: 'host-local' } }, false, 'main'],
    ['mine', { ipam: { type: 'mine' } }, false, 'ipam'],
    ['mine', { prevResult: {} }, false, 'meta'],
    ['mine', {}, true, 'meta'],
    ['bridge', {}, true, 'meta'],
  ] as const)('%s with %j is, chained %s, of kind %s', (name, config, isChained, kind) => {
    expect(kindOf(name, config, isChained)).toBe(kind);
  });

  it('says what to do where neither name nor configuration tells', () => {
    expect(() => kindOf('mine', {}, false)).toThrow(
      'CNI plugin mine: its kind can be told neither by its name nor by its configuration; say --kind main|ipam|meta',
    );
  });
});
