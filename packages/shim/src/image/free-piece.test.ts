import { expect, it } from 'vitest';
import { freePiece } from './free-piece.ts';

it('frees a piece that has its memory for itself', () => {
  const pieces = [Buffer.alloc(100_000), Buffer.alloc(100_000).subarray(1), Buffer.alloc(Buffer.poolSize)];
  for (const piece of pieces) freePiece(piece);
  expect(pieces.map(({ length }) => length)).toEqual([0, 0, 0]);
});

it('leaves a piece that something may follow in the same memory', () => {
  const memory = Buffer.alloc(100_000);
  freePiece(memory.subarray(0, 50_000));
  expect(memory.length).toBe(100_000);
});

it("leaves Node's pool of small buffers", () => {
  const pieces = Array.from({ length: 50 }, () => Buffer.from('x'.repeat(1000)));
  pieces.push(...pieces.map(({ buffer }) => Buffer.from(buffer, buffer.byteLength - 1)));
  for (const piece of pieces) freePiece(piece);
  expect(new Set(pieces.map(({ length }) => length))).toEqual(new Set([1000, 1]));
});
