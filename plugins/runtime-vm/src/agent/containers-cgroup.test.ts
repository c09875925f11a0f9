import { describe, expect, it } from 'vitest';
import { containersMemory } from './containers-cgroup.ts';

const mebibyte = 1024 * 1024;

const meminfo = (mebibytes: number) => `MemTotal:  ${mebibytes * 1024} kB\nMemFree:   1 kB\n`;

describe('containersMemory', () => {
  it('leaves the agent and the kernel what they need', () => {
    expect(containersMemory(meminfo(1000))).toBe(904 * mebibyte);
  });

  it('is half of a machine that has little', () => {
    expect(containersMemory(meminfo(90))).toBe(45 * mebibyte);
  });

  it('is not guessed where the kernel does not tell', () => {
    expect(() => containersMemory('MemFree: 1 kB\n')).toThrow('/proc/meminfo has no MemTotal');
  });
});
