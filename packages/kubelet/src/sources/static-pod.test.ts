import type { Toleration } from '@berth/api/objects';
import { describe, expect, it } from 'vitest';
import { makePod, now } from '../../testing/observed-pod.ts';
import { oneTimePod, staticPod } from './static-pod.ts';

const origin = { nodeName: 'here', source: 'file', origin: '/pods/web.yaml', seenAt: now } as const;
const everything: Toleration = { operator: 'Exists', effect: 'NoExecute' };
const ofItsOwn: Toleration = { key: 'dedicated', operator: 'Exists', effect: 'NoSchedule' };

describe('the tolerations of a static pod', () => {
  it.each<[what: string, own: Toleration[] | undefined, expected: Toleration[]]>([
    ['none of its own', undefined, [everything]],
    ['one of its own', [ofItsOwn], [ofItsOwn, everything]],
    ['a bounded one of all taints NoExecute', [{ ...everything, tolerationSeconds: 5 }, ofItsOwn], [ofItsOwn, everything]],
  ])('that has %s', (_what, tolerations, expected) => {
    const pod = makePod({ ...(tolerations && { tolerations }) });
    expect(staticPod(pod, origin).spec?.tolerations).toEqual(expected);
    expect(oneTimePod(pod, origin).spec?.tolerations).toEqual(expected);
  });
});
