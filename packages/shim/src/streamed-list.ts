/** Far below what a client takes in one message (kubelets 16 MiB, gRPC's default 4). */
const batchBytes = 1024 * 1024;

interface Encoding<Item> {
  encode(item: Item): { finish(): Uint8Array };
}

/** The items of a list in batches of about a MiB on the wire, each with at least one item: what CRI's Stream* calls answer. */
export async function* inBatches<Item>(items: Iterable<Item> | AsyncIterable<Item>, { encode }: Encoding<Item>): AsyncGenerator<Item[]> {
  let batch: Item[] = [];
  let bytes = 0;
  for await (const item of items) {
    batch.push(item);
    bytes += encode(item).finish().length;
    if (bytes < batchBytes) continue;
    yield batch;
    batch = [];
    bytes = 0;
  }
  if (batch.length > 0) yield batch;
}

/** Every item, for the call that answers with one message. */
export async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const collected: Item[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}
