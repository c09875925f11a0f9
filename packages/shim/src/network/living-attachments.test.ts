import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ShimDirectories } from '../directories.ts';
import { livingAttachments } from './living-attachments.ts';

const notHere = process.platform === 'linux' ? undefined : 'network namespaces are there on Linux only';

describe.skipIf(notHere)(`living attachments${notHere ? ` (${notHere})` : ''}`, () => {
  let root: string;
  let living: () => ReturnType<typeof livingAttachments>;

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'berth-living-'));
    const directories = new ShimDirectories(root, join(root, 'run'), 'one');
    living = () => livingAttachments(directories);
  });
  afterEach(() => rm(root, { recursive: true }));

  async function record(handler: string, id: string, stored: object): Promise<void> {
    const directory = join(root, 'runtimes', handler, 'sandboxes', id);
    await mkdir(directory, { recursive: true });
    await writeFile(join(directory, 'record.json'), JSON.stringify(stored));
  }

  it("are those of all handlers' pods whose namespace is there", async () => {
    await record('one', 'alive', { version: 1, record: { namespaces: { network: '/proc/self/ns/net' } } });
    await record('other', 'too', { version: 1, record: { namespaces: { network: '/proc/self/ns/net' } } });
    await record('one', 'rebooted', { version: 1, record: { namespaces: { network: join(root, 'gone') } } });
    await record('one', 'on-the-host', { version: 1, record: { namespaces: {} } });
    await mkdir(join(root, 'runtimes/one/sandboxes/never-begun'));
    expect((await living()).map(({ containerId }) => containerId).sort()).toEqual(['alive', 'too']);
  });

  it("can't be told where a record can't be read, or is of a newer shim", async () => {
    await record('one', 'newer', { version: 2, record: { networkNamespace: '/proc/self/ns/net' } });
    await expect(living()).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' });
    await writeFile(join(root, 'runtimes/one/sandboxes/newer/record.json'), '{"version":');
    await expect(living()).rejects.toMatchObject({ code: 'DATA_LOSS' });
  });

  it("can't be told where a directory can't be read, and are none where there is none", async () => {
    expect(await living()).toEqual([]);
    // Longer than the name of a file may be, which readdir refuses as it does a broken disk.
    const unreadable = new ShimDirectories(join(root, 'x'.repeat(300)), root, 'one');
    await expect(livingAttachments(unreadable)).rejects.toThrow('ENAMETOOLONG');
  });
});
