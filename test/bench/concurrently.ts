/**
 * Runs `work` for each item, `concurrency` at a time, and gives the results in order. After a failure nothing more is begun, and it is thrown
 * when what was begun has ended.
 */
export async function concurrently<Item, Result>(
  items: Item[],
  concurrency: number,
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = new Array(items.length);
  const queue = items.entries();
  let over = false;
  const worker = async (): Promise<void> => {
    for (const [index, item] of queue) {
      if (over) return;
      results[index] = await work(item);
    }
  };
  const workers = Array.from({ length: concurrency }, worker);
  try {
    await Promise.all(workers);
  } finally {
    over = true;
    await Promise.allSettled(workers);
  }
  return results;
}
