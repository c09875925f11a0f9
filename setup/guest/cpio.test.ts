import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { findOnPath } from '../../test/fixtures/tools.ts';
import { cpioArchive } from './cpio.mjs';

it('writes what cpio(1), or that of busybox, unpacks', ({ skip }) => {
  const busybox = findOnPath('busybox') ?? skip('there is no busybox');
  const directory = mkdtempSync(join(tmpdir(), 'berth-cpio-'));
  try {
    writeFileSync(join(directory, 'source'), 'seven b');
    const archive = cpioArchive([
      { path: 'folder', kind: 'directory' },
      { path: 'folder/file', kind: 'file', source: join(directory, 'source') },
      { path: 'link', kind: 'link', target: 'folder/file' },
    ]);
    execFileSync(busybox, ['cpio', '-i'], { cwd: directory, input: archive, stdio: ['pipe', 'ignore', 'ignore'] });
    expect(readlinkSync(join(directory, 'link'))).toBe('folder/file');
    expect(readFileSync(join(directory, 'link'), 'utf8')).toBe('seven b');
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
