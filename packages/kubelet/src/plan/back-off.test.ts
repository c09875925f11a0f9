import { describe, expect, it } from 'vitest';
import { exited, makePod, now, observe, seconds } from '../../testing/observed-pod.ts';
import { plan } from '../plan.ts';
import { defaultBackOff, failureAfter } from './back-off.ts';
import type { Failure, ObservedPod } from './observed-pod.ts';

describe('the crash back-off', () => {
  const restart = (observed: Partial<ObservedPod>) => {
    const [action] = plan(makePod(), observe(observed), now).actions;
    return action?.kind === 'start-container' ? action.restartDelayMs : undefined;
  };

  it.each<[behaviour: string, observed: Partial<ObservedPod>, delayMs: number | undefined]>([
    ['is not touched by a first start', {}, undefined],
    ['begins with 10 s', { containers: [exited('main', 1)] }, 10_000],
    [
      'doubles',
      { containers: [exited('main', 1, { finishedAt: seconds(-30) })], restartDelays: { main: { delayMs: 20_000, setAt: seconds(-60) } } },
      40_000,
    ],
    [
      'ends at 5 minutes',
      {
        containers: [exited('main', 1, { finishedAt: seconds(-400) })],
        restartDelays: { main: { delayMs: 300_000, setAt: seconds(-500) } },
      },
      300_000,
    ],
    [
      'begins anew after 10 minutes of running',
      { containers: [exited('main', 1)], restartDelays: { main: { delayMs: 300_000, setAt: seconds(-700) } } },
      10_000,
    ],
  ])('%s', (_behaviour, observed, delayMs) => {
    expect(restart(observed)).toBe(delayMs);
  });
});

describe('what failed again and again', () => {
  it.each<[failure: string, outcome: { reason: string; transient: boolean }, delaysInSeconds: number[]]>([
    ['a pull that the registry refuses', { reason: 'ErrImagePull', transient: false }, [10, 20, 40, 80, 160, 300, 300]],
    ['a pull from a registry that is down', { reason: 'ErrImagePull', transient: true }, [10, 20, 40, 80, 160, 300, 300]],
    ['a volume whose plugin is down', { reason: 'FailedMount', transient: true }, [0.5, 1, 2, 4, 8, 16, 32]],
    ['a runtime that is down', { reason: 'RuntimeUnavailable', transient: true }, [1, 1, 1]],
    ['any other action', { reason: 'CreateContainerError', transient: false }, [10, 10, 10]],
  ])('%s', (_failure, outcome, delaysInSeconds) => {
    const delays: number[] = [];
    let last: Failure | undefined;
    while (delays.length < delaysInSeconds.length) {
      last = failureAfter(last, { ...outcome, message: 'why' }, now, defaultBackOff);
      delays.push(last.delayMs / 1000);
    }
    expect(delays).toEqual(delaysInSeconds);
  });
});
