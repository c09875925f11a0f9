import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { extract, type Header } from 'tar-stream';

/** Takes an entry; what it leaves of `content` is skipped. */
type TakeEntry = (header: Header, content: AsyncIterable<Uint8Array>) => void | Promise<void>;

type Transform = NodeJS.ReadWriteStream | ((chunks: AsyncIterable<Buffer>) => AsyncIterable<Uint8Array>);

/** Hands each entry of a tar to `take`, one after the other; `source` goes through `transforms` first. Resolves at the end of the source. */
export async function readTar(source: Readable, transforms: Transform[], take: TakeEntry, signal: AbortSignal): Promise<void> {
  const tar = extract();
  const takeEach = async () => {
    for await (const entry of tar) {
      await take(entry.header, entry as AsyncIterable<Uint8Array>);
      entry.resume();
    }
  };
  const stages = [source, ...transforms, tar] as unknown as NodeJS.ReadWriteStream[];
  const [taken, read] = await Promise.allSettled([takeEach(), pipeline(stages, { signal })]);
  // An error of `take` comes first: it is what broke the stream.
  if (taken.status === 'rejected') throw taken.reason;
  if (read.status === 'rejected') throw read.reason;
}
