import { describe, expect, it } from 'vitest';
import { CpuSet } from './cpu-set.ts';

describe('the list format of the kernel', () => {
  it.each([
    ['', '', []],
    ['0', '0', [0]],
    ['0-3,7\n', '0-3,7', [0, 1, 2, 3, 7]],
    ['7,1,0', '0-1,7', [0, 1, 7]],
    ['0-2,1-4', '0-4', [0, 1, 2, 3, 4]],
  ])('%j is read and written as %j', (text, written, ids) => {
    expect(CpuSet.parse(text).ids).toEqual(ids);
    expect(`${CpuSet.parse(text)}`).toBe(written);
  });

  it.each(['a', '1-', '-1', '3-1', '0,,1', '0-99999', '1;2', '99999999999'])('%j is refused by name', (text) => {
    expect(() => CpuSet.parse(text)).toThrow(/is no CPU and no range of CPUs; write a list such as 0-3,7/);
  });
});
