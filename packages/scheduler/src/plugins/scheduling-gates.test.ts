import { describe, expect, it } from 'vitest';
import { makePod } from '../../testing/objects.ts';
import { podInfo } from '../pod-info.ts';
import { SchedulingGates } from './scheduling-gates.ts';

describe('SchedulingGates', () => {
  it('keeps a pod out of the queue until its gates are gone', () => {
    const schedulingGates = [{ name: 'a.dev/quota' }, { name: 'b.dev/review' }];
    expect(new SchedulingGates().preEnqueue(podInfo(makePod('pod', { schedulingGates })))?.reasons).toEqual([
      'waiting for scheduling gates: [a.dev/quota b.dev/review]',
    ]);
    expect(new SchedulingGates().preEnqueue(podInfo(makePod('pod')))).toBeUndefined();
  });
});
