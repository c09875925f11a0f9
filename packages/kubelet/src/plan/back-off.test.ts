import { describe, expect, it } from 'vitest';
import { exited, makePod, now, observe, seconds } from '../../testing/observed-pod.ts';
import { plan } from '../plan.ts';
import type { ObservedPod } from './observed-pod.ts';

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
