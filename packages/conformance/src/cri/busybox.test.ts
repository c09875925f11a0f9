import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { findBusybox, isStatic } from './busybox.ts';

describe('findBusybox', () => {
  it('takes the one that is given', async () => {
    expect(await findBusybox('/opt/busybox')).toBe('/opt/busybox');
  });

  it('says where to get one when there is none on PATH', async () => {
    const path = process.env.PATH;
    process.env.PATH = '/nonexistent';
    try {
      await expect(findBusybox()).rejects.toThrow(/no static busybox is on PATH.*busybox-static.*--busybox.*--images/);
    } finally {
      process.env.PATH = path;
    }
  });
});

describe('isStatic', () => {
  it('is false for a program that needs a dynamic linker', ({ skip }) => {
    if (process.platform !== 'linux') skip('ELF files are there on Linux');
    expect(isStatic(readFileSync('/bin/ls'))).toBe(false);
  });

  it('is false for a script', () => {
    expect(isStatic(Buffer.from('#!/bin/sh\n'.repeat(20)))).toBe(false);
  });
});
