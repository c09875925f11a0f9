import { expect, it } from 'vitest';
import { parseTask, parseUmask } from './task.ts';

const status = `Name:\tsh
Umask:\t0027
Tgid:\t4711
Ngid:\t0
Pid:\t4712
Uid:\t0\t1000\t0\t1001
Gid:\t0\t0\t0\t100
Groups:\t10 20 
NStgid:\t4711\t7
NSpid:\t4712\t8
CapEff:\t00000001a80425fb
`;

it('takes ids in both namespaces, and the rights that count for files', () => {
  expect(parseTask(status)).toEqual({
    processId: 4711,
    ownProcessId: 7,
    credentials: { uid: 1001, gid: 100, groups: [10, 20], capabilities: [0xa80425fb, 1] },
  });
});

it('takes the umask', () => {
  expect(parseUmask(status)).toBe(0o27);
});

it('finds no thread in the status of one that has ended', () => {
  expect(parseTask('')).toBeUndefined();
  expect(parseUmask('')).toBeUndefined();
});
