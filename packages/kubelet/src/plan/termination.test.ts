import { describe, expect, it } from 'vitest';
import { exited, instance, makePod, observe, seconds } from '../../testing/observed-pod.ts';
import { plannedActions } from '../../testing/planned-actions.ts';
import type { ObservedPod } from './observed-pod.ts';

const sidecar = (name: string) => ({ name, image: 'a:1', restartPolicy: 'Always' });
const pod = makePod({ initContainers: [sidecar('mesh'), { name: 'set-up', image: 'a:1' }, sidecar('logs')] });
const ending = (more: Partial<ObservedPod>) => observe({ deletion: { gracePeriodSeconds: 20 }, ...more });

describe('the containers of a pod that ends', () => {
  it.each<[behaviour: string, observed: ObservedPod, expected: string[]]>([
    [
      'are stopped before the sidecars, and those from the last to the first',
      ending({ containers: [instance('mesh'), instance('main'), instance('logs'), instance('side')] }),
      ['stop main-0 side-0, then logs-0, then mesh-0 in 20'],
    ],
    [
      'that have ended are waited for no more',
      ending({ containers: [exited('main', 0), instance('logs'), instance('mesh')] }),
      ['stop logs-0, then mesh-0 in 20'],
    ],
    [
      'share one grace period',
      ending({ containers: [exited('main', 0), instance('logs'), instance('mesh')], endingSince: seconds(-12.5) }),
      ['stop logs-0, then mesh-0 in 8'],
    ],
    [
      'have none left when it is over',
      ending({ containers: [exited('main', 0), instance('logs')], endingSince: seconds(-60) }),
      ['stop logs-0 in 0'],
    ],
    [
      'have the grace period that was asked for last',
      ending({ containers: [instance('main')], deletion: { gracePeriodSeconds: 3 }, endingSince: seconds(0) }),
      ['stop main-0 in 3'],
    ],
    [
      'include init containers that still run',
      ending({ containers: [instance('set-up'), instance('mesh')] }),
      ['stop set-up-0, then mesh-0 in 20'],
    ],
  ])('%s', (_behaviour, observed, expected) => {
    expect(plannedActions(pod, observed)).toEqual(expected);
  });
});
