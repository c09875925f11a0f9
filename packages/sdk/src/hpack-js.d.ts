declare module 'hpack.js' {
  interface Header {
    /** Bytes as Latin-1. */
    name: string;
    value: string;
    /** The sender asks that no one puts it into a table: it is secret. */
    neverIndex: boolean;
  }

  interface Decompressor {
    on(event: 'error', listener: (error: Error) => void): this;
    write(block: Buffer): boolean;
    /** Decodes what was written; fails by an `error` event. */
    execute(): void;
    read(): Header | null;
  }

  const hpack: {
    decompressor: { create(options: { table: { maxSize: number } }): Decompressor };
  };
  export default hpack;
}
