/** The part of Bun that the agent uses; the rest it takes from Node's modules. */
declare module 'bun:ffi' {
  interface Signature {
    args: readonly ('i32' | 'u32' | 'u64' | 'ptr' | 'cstring')[];
    returns: 'i32';
  }
  type Functions<Signatures> = { [Name in keyof Signatures]: (...args: (number | Uint8Array | Int32Array | BigInt64Array)[]) => number };
  export function dlopen<Signatures extends Record<string, Signature>>(
    library: string,
    signatures: Signatures,
  ): { symbols: Functions<Signatures> };
}

declare const Bun: {
  /** Reads a pipe or a character device by epoll, without a thread that waits. */
  file(descriptor: number): { stream(): ReadableStream<Uint8Array> };
};
