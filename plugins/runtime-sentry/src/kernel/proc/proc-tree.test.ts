import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { closeDescriptor, O_DIRECTORY, O_PATH, openHost } from '../files/host-files.ts';
import { ProcTree } from './proc-tree.ts';

const machine = { hostname: 'pod', bootedAt: 0, memory: 2 ** 30, processors: 2 };
const isMissing = process.platform !== 'linux' || process.arch !== 'x64';

describe.skipIf(isMissing)('ProcTree (Linux on amd64)', () => {
  let directory: string;
  let root: number;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'berth-proc-'));
    root = openHost(directory, O_PATH | O_DIRECTORY);
  });
  afterEach(() => {
    closeDescriptor(root);
    rmSync(directory, { recursive: true });
  });

  it('is refused in a root without a proc file system, and leaves nothing open', () => {
    mkdirSync(join(directory, 'proc'));
    const before = readdirSync('/proc/self/fd').length;
    expect(() => new ProcTree(root, machine)).toThrow('no proc file system at /proc');
    expect(readdirSync('/proc/self/fd')).toHaveLength(before);
  });

  it('shows the processes of the proc file system that is in the root', () => {
    const hostRoot = openHost('/', O_PATH | O_DIRECTORY);
    const tree = new ProcTree(hostRoot, machine);
    expect(tree.processIds()).toContain(process.pid);
    tree.close();
    closeDescriptor(hostRoot);
  });
});
