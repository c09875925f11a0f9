import { describe, expect, it } from 'vitest';
import { disk, gibi, summaryOf } from '../../testing/summaries.ts';
import { nextPressure, noPressure, type Pressure } from './pressure.ts';
import { observe } from './signals.ts';
import type { Threshold } from './thresholds.ts';

const minute = 60_000;
const memory: Threshold = { signal: 'memory.available', value: { units: BigInt(gibi) }, gracePeriodMs: 0 };
const softMemory: Threshold = { ...memory, gracePeriodMs: 2 * minute };
const nodefs: Threshold = { signal: 'nodefs.available', value: { milliPercent: 10_000n }, gracePeriodMs: 0 };
const inodes: Threshold = { signal: 'nodefs.inodesFree', value: { milliPercent: 5000n }, gracePeriodMs: 0 };
const pids: Threshold = { signal: 'pid.available', value: { units: 50n }, gracePeriodMs: 0 };
const pods: Threshold = { ...memory, signal: 'allocatableMemory.available' };

/** Looks at the node once a minute, beginning at minute 0. */
function look(thresholds: Threshold[], summaries: ReturnType<typeof summaryOf>[], transitionMs = 5 * minute): Pressure[] {
  const seen: Pressure[] = [];
  for (const [index, summary] of summaries.entries()) {
    seen.push(nextPressure(seen.at(-1) ?? noPressure, thresholds, observe(summary), new Date(index * minute), transitionMs));
  }
  return seen;
}

describe('a threshold is met when less is available', () => {
  it.each([
    ['memory', memory, { memoryAvailable: gibi - 1 }, 'MemoryPressure'],
    ['memory of all pods', pods, { podsMemoryAvailable: gibi - 1 }, 'MemoryPressure'],
    ['disk', nodefs, { fs: disk(10 * gibi - 1) }, 'DiskPressure'],
    ['inodes', inodes, { fs: disk(50 * gibi, 49_999) }, 'DiskPressure'],
    ['processes', pids, { processes: 951 }, 'PIDPressure'],
  ])('%s', (_, threshold, shape, condition) => {
    const [pressure] = look([threshold], [summaryOf(shape)]);
    expect(pressure).toMatchObject({ acting: [threshold], conditions: [condition] });
  });

  it.each([
    ['exactly so much', memory, { memoryAvailable: gibi }],
    ['a file system that counts no inodes', inodes, { fs: { ...disk(50 * gibi), inodes: 0, inodesFree: 0 } }],
  ])('not %s', (_, threshold, shape) => {
    expect(look([threshold], [summaryOf(shape)])[0]).toMatchObject({ acting: [], conditions: [] });
  });
});

const low = summaryOf({ memoryAvailable: gibi / 2 });
const fine = summaryOf();

it('a soft threshold tells of pressure at once, and acts after its grace period', () => {
  const seen = look([softMemory], [low, low, low]);
  expect(seen.map(({ conditions }) => conditions.length)).toEqual([1, 1, 1]);
  expect(seen.map(({ acting }) => acting.length)).toEqual([0, 0, 1]);
});

it('the grace period begins anew when the threshold was not met meanwhile', () => {
  expect(look([softMemory], [low, fine, low, low]).map(({ acting }) => acting.length)).toEqual([0, 0, 0, 0]);
});

it('a condition goes on for the transition period', () => {
  expect(look([memory], [low, fine, fine, fine], 2 * minute).map(({ conditions }) => conditions.length)).toEqual([1, 1, 0, 0]);
});

it('what was acted on stays met until the minimum reclaim is there too', () => {
  const threshold = { ...memory, minReclaim: { units: BigInt(gibi) } };
  const partly = summaryOf({ memoryAvailable: 1.5 * gibi });
  expect(look([threshold], [partly, low, partly, fine]).map(({ acting }) => acting.length)).toEqual([0, 1, 1, 0]);
});

it('memory is more urgent than disks', () => {
  const [pressure] = look([nodefs, memory], [summaryOf({ memoryAvailable: 1, fs: disk(1) })]);
  expect(pressure?.acting).toEqual([memory, nodefs]);
  expect(pressure?.conditions.toSorted()).toEqual(['DiskPressure', 'MemoryPressure']);
});
