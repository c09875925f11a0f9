/**
 * Gives the memory of a piece of a stream back at once; the collector would let tens of megabytes of them come together first. Only for
 * one that its maker and all readers are done with. One that may share its memory is left alone: if it doesn't reach the end of that, or if
 * that may be the pool from which Node takes small buffers.
 */
export function freePiece({ buffer, byteOffset, byteLength }: Uint8Array): void {
  const isAlone = byteOffset + byteLength === buffer.byteLength && buffer.byteLength !== Buffer.poolSize;
  if (isAlone && buffer instanceof ArrayBuffer) buffer.transfer(0);
}
