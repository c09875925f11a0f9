import { describe, expect, it } from 'vitest';
import { podReference } from './pod-reference.ts';

describe('podReference', () => {
  it.each([
    ['web', { namespace: 'n', name: 'web' }],
    ['other/web', { namespace: 'other', name: 'web' }],
    ['pod/web', { namespace: 'n', name: 'web' }],
    ['pods/web', { namespace: 'n', name: 'web' }],
  ])('%s', (text, expected) => {
    expect(podReference(text, 'n')).toEqual(expected);
  });

  it.each(['', '/', 'a/', '/a', 'a/b/c'])('refuses %j', (text) => {
    expect(() => podReference(text, 'n')).toThrow(/write NAME, or NAMESPACE\/NAME/);
  });
});
