import { createReadStream } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { pack } from 'tar-stream';

/** A file of an archive: its bytes, or a file of this host that has as many bytes as `size` says. */
export interface ArchiveFile {
  name: string;
  content: Buffer | { path: string; size: number };
}

/** The files as an uncompressed tar, in their order. Memory stays bounded whatever their sizes are. */
export async function writeArchive(files: ArchiveFile[], output: Writable, signal: AbortSignal): Promise<void> {
  const archive = pack();
  const failed = new AbortController();
  const filling = fill(archive, files, AbortSignal.any([signal, failed.signal])).catch((error: Error) => {
    archive.destroy(error);
    throw error;
  });
  const writing = pipeline(archive as unknown as Readable, output, { signal }).catch((error: Error) => {
    failed.abort(error);
    throw error;
  });
  const outcomes = await Promise.allSettled([writing, filling]);
  const broken = outcomes.find((outcome) => outcome.status === 'rejected');
  if (broken) throw failed.signal.reason ?? broken.reason;
}

async function fill(archive: ReturnType<typeof pack>, files: ArchiveFile[], signal: AbortSignal): Promise<void> {
  for (const { name, content } of files) {
    const header = { name, mode: 0o644, mtime: new Date(0) };
    if (Buffer.isBuffer(content)) archive.entry(header, content);
    else {
      const entry = archive.entry({ ...header, size: content.size }) as unknown as Writable;
      await pipeline(createReadStream(content.path), entry, { signal });
    }
  }
  archive.finalize();
}
