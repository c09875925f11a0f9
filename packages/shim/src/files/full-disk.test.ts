import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PluginError } from '@berth/sdk/errors';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SmallDisk } from '../../testing/small-disk.ts';
import { withoutRoot } from '../../testing/test-shim.ts';
import { explainFullDisk, explainProgramFailure } from './full-disk.ts';

describe.skipIf(withoutRoot)(`a full file system${withoutRoot ? ` (${withoutRoot})` : ''}`, () => {
  const broken = new PluginError('INTERNAL', 'runc ended with status 255');
  let directory: string;
  let disk: SmallDisk;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'berth-full-'));
    disk = new SmallDisk(directory, '1m');
  });

  afterEach(async () => {
    disk.unmount();
    await rm(directory, { recursive: true });
  });

  it('is what a failed write, as it is and as the error of a runtime, is told to be, with the cure', async () => {
    disk.fill();
    const failed = await writeFile(join(directory, 'file'), Buffer.alloc(100_000)).catch((error: unknown) => error);
    for (const error of [failed, PluginError.from(failed)]) {
      expect(explainFullDisk(error, directory, 'container c')).toMatchObject({
        code: 'RESOURCE_EXHAUSTED',
        message: expect.stringMatching(`container c: the file system of ${directory} is full; make room`),
        cause: error,
      });
    }
    expect(explainFullDisk(broken, directory, 'container c')).toBe(broken);
  });

  it('is why a program failed there, and only there', async () => {
    expect(await explainProgramFailure(broken, directory, 'container c')).toBe(broken);
    disk.fill();
    expect(await explainProgramFailure(broken, directory, 'container c')).toMatchObject({ code: 'RESOURCE_EXHAUSTED', cause: broken });
  });
});
