import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { findParts, qemuVersion } from './machine-parts.ts';

const programs = ['qemu-system-x86_64', 'virtiofsd', 'nsenter', 'setpriv', 'ip', 'tc', 'mount', 'umount'];
const guestFiles = ['vmlinuz', 'initramfs.cpio', 'tools/agent'];

let directory: string;
let guest: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'berth-parts-'));
  guest = join(directory, 'guest');
  mkdirSync(join(guest, 'tools'), { recursive: true });
  for (const name of guestFiles) writeFileSync(join(guest, name), '');
  for (const name of programs) program(name, 'exit 0');
  vi.stubEnv('PATH', directory);
});

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(directory, { recursive: true });
});

function program(name: string, script: string): string {
  const path = join(directory, name);
  writeFileSync(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return path;
}

describe('findParts', () => {
  it('gives the paths of everything that a machine is made of', async () => {
    expect(await findParts(guest)).toMatchObject({ qemu: join(directory, 'qemu-system-x86_64'), tools: join(guest, 'tools') });
  });

  it.each(programs)('names the program that is missing: %s', async (name) => {
    rmSync(join(directory, name));
    await expect(findParts(guest)).rejects.toThrow(`${name}: it is not on PATH`);
  });

  it.each(guestFiles)('names the file of the guest that is missing: %s', async (name) => {
    rmSync(join(guest, name));
    await expect(findParts(guest)).rejects.toThrow(`${join(guest, name)}: the guest's `);
  });
});

describe('qemuVersion', () => {
  const version = (says: string) => qemuVersion(program('qemu', `echo '${says}'`), new AbortController().signal);

  it('is the one that QEMU says', async () => {
    expect(await version('QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7)')).toBe('7.2.22');
    expect(await version('QEMU emulator version 10.0.2')).toBe('10.0.2');
  });

  it('is refused where it is too old, or none', async () => {
    await expect(version('QEMU emulator version 6.2.0')).rejects.toThrow('its version is 6.2.0, and machines need 7.0 or newer');
    await expect(version('something else')).rejects.toThrow('--version" doesn\'t tell a version');
  });
});
