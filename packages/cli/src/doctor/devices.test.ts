import type { DeviceResourceState } from '@berth/kubelet/device-resource-state';
import { describe, expect, it } from 'vitest';
import { checkDevices } from './devices.ts';

const resource = 'nvidia.com/gpu';
const nodeWith = (capacity: string, allocatable: string) => ({
  status: { capacity: { cpu: '2', [resource]: capacity }, allocatable: { cpu: '2', [resource]: allocatable } },
});
const there: DeviceResourceState = { resource, registered: true, faults: undefined, podsOfUnknown: [] };
const gone = { ...there, registered: false };
const faulty = { ...there, faults: 'the device "" is left out: it has no id, and 1 more' };
const lost = { ...there, podsOfUnknown: ['default/one', 'default/two'] };

const faults = 'its plugin\'s list has faults: the device "" is left out: it has no id, and 1 more';
const blocked =
  "none can be handed out: which of them these pods have is not known any more, since the device manager's checkpoint was lost: default/one, default/two";
const hasGone = { found: 'the plugin that offered some has gone', advice: 'start it again, or see in its log why it does not register' };

describe('devices of a running node', () => {
  it.each([
    ['2', '2', there, { verdict: 'ok', found: '2 of 2 healthy' }],
    [
      '2',
      '1',
      there,
      { verdict: 'warning', found: '1 of 2 healthy', advice: "see in the plugin's log what is wrong with the unhealthy ones" },
    ],
    ['2', '0', there, { verdict: 'warning', found: '0 of 2 healthy', advice: "see in the plugin's log what is wrong with them" }],
    ['0', '0', there, { verdict: 'warning', found: 'none; its plugin offers none', advice: "see in the plugin's log why" }],
    ['2', '0', gone, { verdict: 'warning', found: `0 of 2 healthy; ${hasGone.found}`, advice: hasGone.advice }],
    ['0', '0', gone, { verdict: 'warning', found: `none; ${hasGone.found}`, advice: hasGone.advice }],
    ['2', '2', faulty, { verdict: 'warning', found: `2 of 2 healthy; ${faults}`, advice: 'mend the plugin' }],
    ['0', '0', faulty, { verdict: 'warning', found: `none; ${faults}`, advice: 'mend the plugin' }],
    [
      '8',
      '6',
      faulty,
      {
        verdict: 'warning',
        found: `6 of 8 healthy; ${faults}`,
        advice: "see in the plugin's log what is wrong with the unhealthy ones; mend the plugin",
      },
    ],
    ['3', '3', lost, { verdict: 'warning', found: `3 of 3 healthy; ${blocked}`, advice: 'end these pods' }],
  ])('%s, of which %s are in order', (capacity, allocatable, state, finding) => {
    expect(checkDevices(nodeWith(capacity, allocatable), [state])).toEqual([{ name: `devices ${resource}`, ...finding }]);
  });

  it('are none without device plugins', () => {
    expect(checkDevices({ status: { capacity: { cpu: '2', 'hugepages-2Mi': '0' }, allocatable: { cpu: '2' } } }, [])).toEqual([]);
  });
});
