/**
 * Gives the memory of a piece of a stream back at once; the collector would let tens of megabytes of them come together first. Only for
 * one that its maker and all readers are done with. A piece behind which others may lie in the same memory is left alone, and so is one
 * that may be of the pool from which Node takes small buffers.
 */
export function freePiece({ buffer, byteOffset, byteLength }: Uint8Array): void {
  const isAll = byteLength === buffer.byteLength;
  const isLast = byteOffset + byteLength === buffer.byteLength && buffer.byteLength !== Buffer.poolSize;
  if ((isAll || isLast) && buffer instanceof ArrayBuffer) buffer.transfer(0);
}
