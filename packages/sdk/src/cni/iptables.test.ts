import { expect, it } from 'vitest';
import { chainRemoval, containerChain, iptablesWord } from './iptables.ts';

it('names chains of containers as the reference plugins do', () => {
  expect(containerChain('DN-', 'net', 'c1')).toBe('CNI-DN-623e1c388032b20529218');
  expect(containerChain('', 'net', 'c1')).toMatch(/^CNI-623e1c388032b20529218[0-9a-f]{3}$/);
});

it('removes a chain with all jumps to it, and to no other', () => {
  const rules = [
    '-N CNI-DN-1',
    '-N CNI-DN-12',
    '-A OUTPUT -m comment --comment "a \\"b\\"" -j CNI-DN-1',
    '-A OUTPUT -j CNI-DN-12',
    '-A CNI-DN-1 -p tcp -j RETURN',
  ];
  expect(chainRemoval(rules, 'CNI-DN-1')).toEqual(['-D OUTPUT -m comment --comment "a \\"b\\"" -j CNI-DN-1', '-F CNI-DN-1', '-X CNI-DN-1']);
  expect(chainRemoval(rules, 'CNI-DN-2')).toEqual([]);
});

it.each([
  ['192.0.2.0/24', '192.0.2.0/24'],
  ['!', '!'],
  ['two words', '"two words"'],
  ['a "b" \\', '"a \\"b\\" \\\\"'],
  ['', '""'],
])('writes the word %j as %s', (word, written) => {
  expect(iptablesWord(word)).toBe(written);
});
