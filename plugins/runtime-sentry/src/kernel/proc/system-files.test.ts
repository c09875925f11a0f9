import { expect, it } from 'vitest';
import { systemFiles } from './system-files.ts';

const machine = { hostname: 'pod', bootedAt: Date.now() / 1000 - 60, memory: 2 ** 30, processors: 2 };
const load = { processes: 3, lastProcess: 12 };

function content(name: string): string {
  return systemFiles[name]?.(machine, load) ?? '';
}

it('tell of the pod’s machine in the form of proc(5)', () => {
  expect(content('version')).toMatch(/^Linux version 6\.1\.0-berth-sentry \(/);
  expect(content('uptime')).toMatch(/^60\.\d\d 60\.\d\d\n$/);
  expect(content('loadavg')).toBe('0.00 0.00 0.00 1/3 12\n');
  expect(content('meminfo')).toMatch(/^MemTotal: +1048576 kB\nMemFree: /);
  expect(content('cpuinfo').match(/^processor\t: \d$/gm)).toEqual(['processor\t: 0', 'processor\t: 1']);
  expect(content('stat')).toMatch(/^cpu {2}0 .*\ncpu0 0 .*\ncpu1 0 .*\n/);
  expect(content('sys/kernel/hostname')).toBe('pod\n');
});
