/**
 * Gives the memory of a piece of a stream back at once; the collector would let tens of megabytes of them come together first. Only for
 * one that its maker and all readers are done with. A piece that doesn't reach the end of its memory may share it, and is left alone.
 */
export function freePiece({ buffer, byteOffset, byteLength }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && byteOffset + byteLength === buffer.byteLength) buffer.transfer(0);
}
