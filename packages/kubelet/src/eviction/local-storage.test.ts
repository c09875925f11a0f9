import type { PodSpec } from '@berth/api/objects';
import { describe, expect, it } from 'vitest';
import { makePod } from '../../testing/observed-pod.ts';
import { mebi, podStats } from '../../testing/summaries.ts';
import { limitsStorage, storageExcess } from './local-storage.ts';

const scratch: Partial<PodSpec> = { volumes: [{ name: 'scratch', emptyDir: { sizeLimit: '1Mi' } }] };
const limited: Partial<PodSpec> = { containers: [{ name: 'main', image: 'a', resources: { limits: { 'ephemeral-storage': '2Mi' } } }] };

describe('a pod whose files exceed a limit', () => {
  it.each<[what: string, spec: Partial<PodSpec>, use: Parameters<typeof podStats>[1], message: string | undefined]>([
    ['of an emptyDir', scratch, { volumes: { scratch: mebi + 1 } }, 'Usage of EmptyDir volume "scratch" exceeds the limit "1Mi". '],
    ['not yet of an emptyDir', scratch, { volumes: { scratch: mebi } }, undefined],
    [
      'of a container, without volumes',
      limited,
      { root: mebi, logs: mebi + 1, ephemeral: 0 },
      'Container main exceeded its local ephemeral storage limit "2Mi". ',
    ],
    [
      'of all containers, with volumes',
      limited,
      { volumes: { any: 3 * mebi } },
      'Pod ephemeral local storage usage exceeds the total limit of containers 2Mi. ',
    ],
    ['none at all', {}, { root: 100 * mebi, volumes: { any: mebi } }, undefined],
  ])('%s', (_, spec, use, message) => {
    expect(storageExcess(makePod(spec), podStats('uid', use), false)?.message).toBe(message);
  });

  it('writable layers do not count for a container where images have a disk of their own', () => {
    expect(storageExcess(makePod(limited), podStats('uid', { root: 3 * mebi, ephemeral: 0 }), true)).toBeUndefined();
  });

  it.each([
    [scratch, true],
    [limited, true],
    [{}, false],
  ])('%j is watched: %s', (spec, watched) => {
    expect(limitsStorage(makePod(spec))).toBe(watched);
  });
});
