import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expectTrue, present } from '../../expect.ts';
import type { Case } from '../../suite.ts';
import type { FilesystemUsage } from '../messages.ts';
import { ownImages, resources, sameHost } from '../needs.ts';
import { withPulled } from '../pulling.ts';
import type { CriTarget } from '../target.ts';

const layerBytes = 40 * 1024 * 1024;
/** Other cases pull and remove smaller images meanwhile. */
const noticedBytes = BigInt(layerBytes / 2);
/** A server may measure every so often: containerd does every 10 s. */
const pollMs = 250;
const clockSkewMs = 60_000;

/** What ImageFsInfo tells of the disk. */
export const imageUsageCases: Case<CriTarget>[] = [
  {
    id: 'image.filesystem',
    group: 'image',
    clause: 'ImageFsInfo tells when it was measured, where, and what is in use (cri.proto, FilesystemUsage)',
    proves: [
      'ImageFsInfo',
      'FilesystemUsage.timestamp',
      'FilesystemUsage.fs_id',
      'FilesystemUsage.used_bytes',
      'FilesystemUsage.inodes_used',
    ],
    needs: [resources, sameHost],
    async run(target, signal) {
      await target.image('shell');
      await until(target, (used) => used > 0n, signal);
      const { timestamp, fsId, inodesUsed } = await imageFilesystem(target);
      const age = Date.now() - Number(BigInt(timestamp) / 1_000_000n);
      expectTrue(Math.abs(age) < clockSkewMs, `timestamp is ${age} ms ago: nanoseconds are meant`);
      const { mountpoint } = present(fsId, 'fs_id');
      expectTrue(existsSync(mountpoint), `mountpoint ${JSON.stringify(mountpoint)} doesn't exist`);
      expectTrue(BigInt(present(inodesUsed, 'inodes_used').value) > 0n, 'inodes_used is 0');
    },
  },
  {
    id: 'image.usage-follows',
    group: 'image',
    clause: 'used bytes grow by what is pulled, and shrink when it is removed (cri.proto, FilesystemUsage.used_bytes)',
    proves: ['ImageFsInfo', 'FilesystemUsage.used_bytes'],
    needs: [ownImages, resources],
    async run(target, signal) {
      const content = randomBytes(layerBytes);
      const image = await target.publisher.publish({
        bare: true,
        layers: [[{ type: 'file', path: 'big', content }]],
        compressions: ['none'],
      });
      const before = await usedBytes(target);
      const peak = await withPulled(target, image, () => until(target, (used) => used >= before + noticedBytes, signal));
      await until(target, (used) => used <= peak - noticedBytes, signal);
    },
  },
];

async function imageFilesystem({ client }: CriTarget): Promise<FilesystemUsage> {
  return present((await client.ImageFsInfo({})).imageFilesystems[0], 'image_filesystems[0]');
}

async function usedBytes(target: CriTarget): Promise<bigint> {
  return BigInt(present((await imageFilesystem(target)).usedBytes, 'used_bytes').value);
}

/** What is in use once that is as expected; the case's time is the limit. */
async function until(target: CriTarget, expected: (used: bigint) => boolean, signal: AbortSignal): Promise<bigint> {
  for (;;) {
    const used = await usedBytes(target);
    if (expected(used)) return used;
    await sleep(pollMs, undefined, { signal });
  }
}
