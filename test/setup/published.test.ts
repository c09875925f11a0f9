import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe } from 'vitest';
import { type Packed, packInto } from '../fixtures/packed.ts';
import { authorsGuide } from './authors-guide.ts';
import { deviceAuthorsGuide } from './device-authors-guide.ts';
import { installedPackages } from './installed-packages.ts';

/** All are about the same tarballs, and know nothing of each other: each goes on while the others wait. */
describe('what is published', () => {
  let directory: string;
  let packed: Packed;
  beforeAll(async () => {
    directory = await realpath(await mkdtemp(join(tmpdir(), 'berth-packed-')));
    packed = await packInto(directory);
  });
  afterAll(() => rm(directory, { recursive: true, force: true }));

  describe.concurrent('installed outside the repository', () => {
    describe('step by step', { concurrent: false }, () => installedPackages(() => packed));
  });

  describe.concurrent("by the README's way to a device plugin", () => {
    describe('step by step', { concurrent: false }, () => deviceAuthorsGuide(() => packed));
  });

  describe.concurrent("by the author's guide (its runtime reads /proc, which only Linux has)", () => {
    describe.skipIf(process.platform !== 'linux')('step by step', { concurrent: false }, () => authorsGuide(() => packed));
  });
});
