import { describe, expect, it } from 'vitest';
import { checkCommand } from './check-command.ts';

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
