import { type Machine, release, version } from './machine.ts';

// Structures of the Linux ABI for amd64, as programs read them in their memory.

/** struct new_utsname: six texts of 65 bytes. */
export function utsname({ hostname }: Machine): Buffer {
  const fieldSize = 65;
  const bytes = Buffer.alloc(6 * fieldSize);
  for (const [index, text] of ['Linux', hostname, release, version, 'x86_64', '(none)'].entries())
    bytes.write(text.slice(0, fieldSize - 1), index * fieldSize, 'latin1');
  return bytes;
}

/** struct sysinfo. */
export function sysinfo({ bootedAt, memory }: Machine, processes: number): Buffer {
  const bytes = Buffer.alloc(112);
  bytes.writeBigInt64LE(BigInt(Math.floor(Date.now() / 1000 - bootedAt)), 0);
  bytes.writeBigUInt64LE(BigInt(memory), 32);
  bytes.writeBigUInt64LE(BigInt(memory), 40);
  bytes.writeUInt16LE(processes, 80);
  bytes.writeUInt32LE(1, 104);
  return bytes;
}

interface FileStatus {
  inode: number;
  /** Type and permissions. */
  mode: number;
  uid: number;
  gid: number;
  size: number;
  /** Seconds since the epoch. */
  time: number;
}

/** struct stat. */
export function fileStatus({ inode, mode, uid, gid, size, time }: FileStatus): Buffer {
  const bytes = Buffer.alloc(144);
  const device = 5;
  bytes.writeBigUInt64LE(BigInt(device), 0);
  bytes.writeBigUInt64LE(BigInt(inode), 8);
  bytes.writeBigUInt64LE(1n, 16);
  bytes.writeUInt32LE(mode, 24);
  bytes.writeUInt32LE(uid, 28);
  bytes.writeUInt32LE(gid, 32);
  bytes.writeBigUInt64LE(BigInt(size), 48);
  bytes.writeBigUInt64LE(1024n, 56);
  for (const offset of [72, 88, 104]) bytes.writeBigUInt64LE(BigInt(Math.floor(time)), offset);
  return bytes;
}

/** struct statfs of a proc file system. */
export function procStatfs(): Buffer {
  const PROC_SUPER_MAGIC = 0x9fa0n;
  const bytes = Buffer.alloc(120);
  bytes.writeBigUInt64LE(PROC_SUPER_MAGIC, 0);
  bytes.writeBigUInt64LE(4096n, 8);
  bytes.writeBigUInt64LE(255n, 64);
  bytes.writeBigUInt64LE(4096n, 72);
  return bytes;
}

/** DT_DIR, DT_REG, DT_LNK (dirent.h). */
const entryTypes = { directory: 4, file: 8, link: 10 };

export interface DirectoryEntry {
  name: string;
  inode: number;
  type: keyof typeof entryTypes;
}

/** struct linux_dirent64; `position` is that of the entry after it. */
export function directoryEntry({ name, inode, type }: DirectoryEntry, position: number): Buffer {
  const header = 19;
  const size = Math.ceil((header + name.length + 1) / 8) * 8;
  const bytes = Buffer.alloc(size);
  bytes.writeBigUInt64LE(BigInt(inode), 0);
  bytes.writeBigInt64LE(BigInt(position), 8);
  bytes.writeUInt16LE(size, 16);
  bytes.writeUInt8(entryTypes[type], 18);
  bytes.write(name, header, 'latin1');
  return bytes;
}
