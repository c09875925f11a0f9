import { describe, expect, it } from 'vitest';
import { logPath } from './plan-container.ts';

describe('logPath', () => {
  it('is below the log directory of the pod', () => {
    expect(logPath('/logs/pod/', 'c/0.log', 'container c')).toBe('/logs/pod/c/0.log');
  });

  it.each([
    ['', 'c/0.log'],
    ['/logs/pod', ''],
  ])('is none with directory "%s" and path "%s"', (directory, path) => {
    expect(logPath(directory, path, 'container c')).toBeUndefined();
  });

  it.each(['../other/0.log', '..', '../pod-2/0.log'])('refuses %s, which leaves it', (path) => {
    expect(() => logPath('/logs/pod', path, 'container c')).toThrow(/leaves the log directory/);
  });

  it('refuses a relative log directory', () => {
    expect(() => logPath('logs', '0.log', 'container c')).toThrow(/not absolute/);
  });
});
