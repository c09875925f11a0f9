import { createHash } from 'node:crypto';

/** `sha256:` and 64 digits: the one algorithm that images are made with in practice, and the only one taken here. */
export function digestOf(bytes: Uint8Array | string): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** The digits of a SHA-256 digest; undefined for anything else, so that it can't become a path. */
export function hexOf(digest: string): string | undefined {
  return /^sha256:([0-9a-f]{64})$/.exec(digest)?.[1];
}

/** Passes bytes on while it counts and hashes them. */
export class Meter {
  bytes = 0;
  readonly #hash = createHash('sha256');

  /** To be put into a `pipeline`. */
  async *through(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      this.bytes += chunk.length;
      this.#hash.update(chunk);
      yield chunk;
    }
  }

  /** Of all bytes so far; to be asked once. */
  digest(): string {
    return `sha256:${this.#hash.digest('hex')}`;
  }
}
