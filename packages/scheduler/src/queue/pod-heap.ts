import TinyQueue from 'tinyqueue';

/** A heap whose items can be taken back: those that aren't current any more are passed over when they come up. */
export class PodHeap<Item> {
  readonly #heap: TinyQueue<Item>;
  readonly #isCurrent: (item: Item) => boolean;

  constructor(compare: (left: Item, right: Item) => number, isCurrent: (item: Item) => boolean) {
    this.#heap = new TinyQueue<Item>([], compare);
    this.#isCurrent = isCurrent;
  }

  push(item: Item): void {
    this.#heap.push(item);
  }

  /** The first current item, which stays. */
  peek(): Item | undefined {
    for (let first = this.#heap.peek(); first !== undefined; first = this.#heap.peek()) {
      if (this.#isCurrent(first)) return first;
      this.#heap.pop();
    }
    return undefined;
  }
}
