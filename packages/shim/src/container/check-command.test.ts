import { describe, expect, it } from 'vitest';
import { checkCommand, checkProcessSize } from './check-command.ts';

describe('checkCommand', () => {
  it.each([
    ['nothing', []],
    ['no program', ['', 'a']],
    ['a NUL character', ['sh', 'a\0b']],
    ['an argument that Linux takes from nobody', ['sh', 'x'.repeat(131_072)]],
    ['too many arguments', ['sh', ...Array.from({ length: 1_100_000 }, () => 'x')]],
  ])('refuses %s', (_, cmd) => {
    expect(() => checkCommand(cmd, 'container a')).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
  });

  it('gives what the rest takes, in bytes', () => {
    expect(checkCommand(['sh', '', 'é'], 'container a')).toBe(7);
    expect(checkCommand(['x'.repeat(131_071)], 'container a')).toBe(131_072);
  });
});

describe('checkProcessSize', () => {
  const longest = 'x'.repeat(131_071);

  it.each([
    ['an argument', { args: ['sh', `${longest}x`], env: [] }, /an argument of command and args has 131072 bytes/],
    ['a variable', { args: ['sh'], env: [`A=${longest}`] }, /the variable "A" has 131073 bytes/],
    ['all together', { args: ['sh', ...Array<string>(8).fill(longest)], env: Array<string>(8).fill(longest) }, /have 2097155 bytes in 17/],
    ['so many pointers', { args: ['sh', ...Array<string>(220_000).fill('x')], env: [] }, /in 220001 texts/],
  ])('refuses %s that Linux does not execute', (_, process, message) => {
    const refusal = expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringMatching(message) });
    expect(() => checkProcessSize(process, 'container a')).toThrow(refusal);
  });

  it('lets the longest through', () => {
    checkProcessSize({ args: ['sh', longest], env: [longest] }, 'container a');
  });
});
