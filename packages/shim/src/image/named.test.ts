import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PluginError } from '@berth/sdk/errors';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PullOptions } from './images.ts';
import { NamedImages } from './named.ts';

const signal = AbortSignal.timeout(20_000);
const anonymous: PullOptions = { auth: undefined, sandbox: undefined };

describe('NamedImages', () => {
  let directory: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'berth-named-'));
  });
  afterEach(async () => {
    await rm(directory, { recursive: true, force: true });
  });

  it('gives one id to all spellings of a name, and finds it by each after a restart', async () => {
    const id = await new NamedImages(directory).pull('busybox', anonymous, signal);
    const images = new NamedImages(directory);
    expect(await images.pull('docker.io/library/busybox:latest', anonymous, signal)).toBe(id);
    expect(await images.list()).toMatchObject([{ id, repoTags: ['docker.io/library/busybox:latest'] }]);
    for (const reference of ['busybox', id, id.slice('sha256:'.length, 'sha256:'.length + 12)])
      expect(await images.status(reference)).toMatchObject({ id });
    expect(await images.status('busybox:2')).toBeUndefined();
  });

  it('refuses a name that is none', async () => {
    await expect(new NamedImages(directory).pull('Busy Box', anonymous, signal)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  it('keeps an image in use, and removes it when it is released', async () => {
    const images = new NamedImages(directory);
    await images.pull('busybox', anonymous, signal);
    expect(await images.use('busybox', 'c1')).toMatchObject({ layers: [] });
    await expect(images.remove('busybox')).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' });
    await images.release('c1');
    await images.remove('busybox');
    await images.remove('busybox');
    expect(await images.list()).toEqual([]);
    await expect(images.use('busybox', 'c1')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('pulls as slowly as it is told, until it is aborted', async () => {
    const pulling = new AbortController();
    const images = new NamedImages(directory, {
      delay: (reference) => {
        queueMicrotask(() => pulling.abort());
        return reference === 'slow' ? 60_000 : 0;
      },
    });
    await expect(images.pull('slow', anonymous, pulling.signal)).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(await images.list()).toEqual([]);
  });

  it('fails a pull as it is told', async () => {
    const images = new NamedImages(directory, {
      delay: (reference) => {
        throw new PluginError('NOT_FOUND', 'simulated', { object: `image ${reference}` });
      },
    });
    await expect(images.pull('busybox', anonymous, signal)).rejects.toThrow('image busybox: simulated');
  });
});
