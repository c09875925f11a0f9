import { expect, it } from 'vitest';
import { allNames, nameOf, numberOf, numbersEnd } from './syscall-numbers.ts';

it.each([
  ['read', 0],
  ['execve', 59],
  ['openat', 257],
  ['rseq', 334],
  ['pidfd_send_signal', 424],
  ['openat2', 437],
  ['set_mempolicy_home_node', 450],
  ['mseal', 462],
])('%s is %i, as in syscall_64.tbl', (name, number) => {
  expect(numberOf(name)).toBe(number);
  expect(nameOf(number)).toBe(name);
});

it('has each name once', () => {
  expect(new Set(allNames).size).toBe(allNames.length);
  expect(allNames.every((name) => numberOf(name) < numbersEnd)).toBe(true);
});

it('calls a number that is in no table by itself, and knows no other names', () => {
  expect(nameOf(400)).toBe('syscall_400');
  expect(() => numberOf('escape')).toThrow('there is no system call escape');
});
