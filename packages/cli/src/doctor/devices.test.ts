import { describe, expect, it } from 'vitest';
import { checkDevices } from './devices.ts';

const nodeWith = (capacity: string, allocatable: string) => ({
  status: { capacity: { cpu: '2', 'nvidia.com/gpu': capacity }, allocatable: { cpu: '2', 'nvidia.com/gpu': allocatable } },
});

describe('devices of a running node', () => {
  it.each([
    ['2', '2', { verdict: 'ok', found: '2 of 2 healthy' }],
    ['2', '1', { verdict: 'warning', found: '1 of 2 healthy', advice: expect.stringContaining("plugin's log") }],
    ['2', '0', { verdict: 'warning', found: '0 of 2 healthy', advice: expect.stringContaining('whether the plugin runs') }],
    ['0', '0', { verdict: 'warning', found: expect.stringContaining('has gone'), advice: expect.stringContaining('start it again') }],
  ])('%s, of which %s are in order', (capacity, allocatable, finding) => {
    expect(checkDevices(nodeWith(capacity, allocatable))).toEqual([{ name: 'devices nvidia.com/gpu', ...finding }]);
  });

  it('are none without device plugins', () => {
    expect(checkDevices({ status: { capacity: { cpu: '2', 'hugepages-2Mi': '0' }, allocatable: { cpu: '2' } } })).toEqual([]);
  });
});
