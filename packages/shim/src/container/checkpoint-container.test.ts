import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { TestShim } from '../../testing/test-shim.ts';

let shim: TestShim;
let containerId: string;

beforeEach(async () => {
  shim = await TestShim.start();
  containerId = await shim.runContainer(await shim.runPod());
});

afterEach(() => shim.close());

it('CheckpointContainer has the runtime write the archive where the client wants it', async () => {
  const location = join(shim.directory, 'checkpoint.tar');
  await shim.runtime.checkpointContainer({ containerId, location, timeout: 10n });
  expect(await readFile(location, 'utf8')).toBe(containerId);
});

it.each(['', 'checkpoint.tar', '/a/../b', '/a\0b'])('CheckpointContainer to %j is refused', async (location) => {
  await expect(shim.runtime.checkpointContainer({ containerId, location, timeout: 0n })).rejects.toThrow(
    expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
  );
});

it('CheckpointContainer of one that has ended is refused', async () => {
  await shim.runtime.stopContainer({ containerId, timeout: 0n });
  await expect(shim.runtime.checkpointContainer({ containerId, location: '/x', timeout: 0n })).rejects.toThrow(
    expect.objectContaining({ code: 'FAILED_PRECONDITION' }),
  );
});

it('CheckpointContainer ends at its time limit', async () => {
  shim.host.faults.set('checkpoint', 'hangs');
  await expect(shim.runtime.checkpointContainer({ containerId, location: '/x', timeout: 1n })).rejects.toThrow(
    expect.objectContaining({ code: 'DEADLINE_EXCEEDED' }),
  );
});
