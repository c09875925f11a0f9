import { expect, it } from 'vitest';
import { directoryEntry, fileStatus, sysinfo, utsname } from './layouts.ts';
import type { Machine } from './machine.ts';

const machine: Machine = { hostname: 'h'.repeat(80), bootedAt: Date.now() / 1000 - 100, memory: 2 ** 33, processors: 2 };

it('utsname is six texts of 65 bytes, each with an end', () => {
  const bytes = utsname(machine);
  expect(bytes.length).toBe(390);
  expect(bytes.toString('latin1', 0, 6)).toBe('Linux\0');
  expect(bytes.toString('latin1', 65, 130)).toBe(`${'h'.repeat(64)}\0`);
  expect(bytes.toString('latin1', 130, 150)).toBe('6.1.0-berth-sentry\0\0');
});

it('sysinfo tells uptime, memory and processes where amd64 has them', () => {
  const bytes = sysinfo(machine, 3);
  expect(bytes.length).toBe(112);
  expect(bytes.readBigInt64LE(0)).toBe(100n);
  expect(bytes.readBigUInt64LE(32)).toBe(2n ** 33n);
  expect(bytes.readUInt16LE(80)).toBe(3);
});

it('stat has mode, owner and size where amd64 has them', () => {
  const bytes = fileStatus({ inode: 9, mode: 0o100444, uid: 1, gid: 2, size: 5, time: 7.5 });
  expect(bytes.length).toBe(144);
  expect([bytes.readUInt32LE(24), bytes.readUInt32LE(28), bytes.readUInt32LE(32)]).toEqual([0o100444, 1, 2]);
  expect([bytes.readBigUInt64LE(48), bytes.readBigUInt64LE(88)]).toEqual([5n, 7n]);
});

it.each([1, 4, 5, 12, 13])('a directory entry of a name of %i bytes ends on a multiple of 8, after its NUL', (length) => {
  const bytes = directoryEntry({ name: 'n'.repeat(length), inode: 3, type: 'link' }, 17);
  expect(bytes.length % 8).toBe(0);
  expect(bytes.readUInt16LE(16)).toBe(bytes.length);
  expect(bytes.readBigInt64LE(8)).toBe(17n);
  expect(bytes[18]).toBe(10);
  expect(bytes[19 + length]).toBe(0);
});
