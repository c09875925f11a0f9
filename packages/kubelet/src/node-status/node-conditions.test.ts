import { describe, expect, it } from 'vitest';
import { now, seconds } from '../../testing/observed-pod.ts';
import { conditionEvents, type NodeHealth, nodeConditions } from './node-conditions.ts';

const well: NodeHealth = { problems: [], pressure: { memory: false, disk: false, pid: false } };
const pressed: NodeHealth = { problems: ['container runtime is down'], pressure: { memory: true, disk: true, pid: true } };
const reasons = (health: NodeHealth) => nodeConditions(health, [], now).map(({ type, status, reason }) => `${type}=${status} ${reason}`);

describe("a node's conditions", () => {
  it('of a healthy one', () => {
    expect(reasons(well)).toEqual([
      'MemoryPressure=False KubeletHasSufficientMemory',
      'DiskPressure=False KubeletHasNoDiskPressure',
      'PIDPressure=False KubeletHasSufficientPID',
      'Ready=True KubeletReady',
    ]);
  });

  it('of one in trouble', () => {
    expect(reasons(pressed)).toEqual([
      'MemoryPressure=True KubeletHasInsufficientMemory',
      'DiskPressure=True KubeletHasDiskPressure',
      'PIDPressure=True KubeletHasInsufficientPID',
      'Ready=False KubeletNotReady',
    ]);
  });

  it('name all problems', () => {
    const ready = nodeConditions({ ...well, problems: ['one', 'two'] }, [], now).at(-1);
    expect(ready?.message).toBe('[one, two]');
  });

  it('keep the time of their last change', () => {
    const before = nodeConditions(well, [], now);
    const [memory, ...others] = nodeConditions({ ...well, pressure: { ...well.pressure, memory: true } }, before, seconds(10));
    expect(memory?.lastTransitionTime).toBe('2026-11-21T12:00:10Z');
    expect(new Set(others.map((condition) => condition.lastTransitionTime))).toEqual(new Set(['2026-11-21T12:00:00Z']));
    expect(new Set(others.map((condition) => condition.lastHeartbeatTime))).toEqual(new Set(['2026-11-21T12:00:10Z']));
  });

  it('tell of their changes by events', () => {
    const [before, after] = [nodeConditions(well, [], now), nodeConditions(pressed, [], now)];
    expect(conditionEvents([], before)).toEqual(['NodeHasSufficientMemory', 'NodeHasNoDiskPressure', 'NodeHasSufficientPID', 'NodeReady']);
    expect(conditionEvents(before, after)).toEqual([
      'NodeHasInsufficientMemory',
      'NodeHasDiskPressure',
      'NodeHasInsufficientPID',
      'NodeNotReady',
    ]);
    expect(conditionEvents(after, after)).toEqual([]);
  });
});
