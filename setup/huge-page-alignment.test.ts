import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { alignToHugePages } from './huge-page-alignment.mjs';
import { cniProgram } from './paths.mjs';

const hugePage = 0x200000;

/** An ELF program of a file header, a program header for data and one for code, their bytes, and a section header for each. */
function program({ codeOffset, codeAddress }: { codeOffset: number; codeAddress: number }): Buffer {
  const sections = codeOffset + 16;
  const bytes = Buffer.alloc(sections + 2 * 64);
  bytes.writeUInt32BE(0x7f454c46, 0);
  bytes.set([2, 1], 4);
  bytes.writeBigUInt64LE(64n, 32);
  bytes.writeBigUInt64LE(BigInt(sections), 40);
  for (const [at, value] of [56, 2, 64, 2].entries()) bytes.writeUInt16LE(value, 54 + 2 * at);
  for (const [index, [flags, offset, address]] of (
    [
      [4, 0, 0x200000],
      [5, codeOffset, codeAddress],
    ] as const
  ).entries()) {
    const at = 64 + index * 56;
    bytes.writeUInt32LE(1, at);
    bytes.writeUInt32LE(flags, at + 4);
    bytes.writeBigUInt64LE(BigInt(offset), at + 8);
    bytes.writeBigUInt64LE(BigInt(address), at + 16);
    bytes.writeBigUInt64LE(BigInt(offset), sections + index * 64 + 24);
  }
  bytes.write('the program code', codeOffset);
  return bytes;
}

describe('alignToHugePages', () => {
  const given = program({ codeOffset: 0x1d00, codeAddress: 0x209d00 });

  it('moves the code to where its offset and its address are the same within a huge page', () => {
    const aligned = alignToHugePages(given);
    const offset = Number(aligned.readBigUInt64LE(64 + 56 + 8));
    expect(offset).toBe(0x9d00);
    expect((0x209d00 - offset) % hugePage).toBe(0);
    expect(aligned.toString('latin1', offset, offset + 16)).toBe('the program code');
    expect(aligned.readBigUInt64LE(64 + 56 + 16)).toBe(0x209d00n);
  });

  it('leaves what comes before it, and tells of the sections where they are', () => {
    const aligned = alignToHugePages(given);
    expect(aligned.readBigUInt64LE(64 + 8)).toBe(0n);
    const sections = Number(aligned.readBigUInt64LE(40));
    expect(sections).toBe(0x9d00 + 16);
    expect([24, 64 + 24].map((at) => Number(aligned.readBigUInt64LE(sections + at)))).toEqual([0, 0x9d00]);
  });

  it('leaves a program that lies so already', () => {
    const aligned = alignToHugePages(given);
    expect(alignToHugePages(aligned)).toBe(aligned);
  });

  it('refuses what is no program', () => {
    expect(() => alignToHugePages(Buffer.from('#!/bin/sh\necho no program, but long enough\n'))).toThrow(
      'no 64-bit little-endian ELF program',
    );
  });

  it.skipIf(!existsSync(cniProgram))('has been done to the CNI plugins (skipped where they are not compiled)', () => {
    const compiled = readFileSync(cniProgram);
    expect(alignToHugePages(compiled)).toBe(compiled);
  });
});
