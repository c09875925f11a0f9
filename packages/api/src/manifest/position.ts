import { type Document, isAlias, isMap, isNode, isSeq, type LineCounter } from 'yaml';

/** A place in a file; lines and columns count from 1. */
export interface Position {
  line: number;
  column: number;
}

/** The names and indexes in a field path: `spec.ports[0]` is `spec`, `ports`, `0`. A map's key stands in brackets whole, dots and all. */
export function splitPath(path: string): string[] {
  return [...path.matchAll(/\[([^\]]*)\]|([^.[\]]+)/g)].map(([, bracketed, name]) => bracketed ?? name ?? '');
}

/** An object as it is written in a document: the whole document, or an item of its list. */
export class Written {
  readonly #document: Document.Parsed;
  readonly #lines: LineCounter;
  readonly #node: unknown;

  constructor(document: Document.Parsed, lines: LineCounter, node: unknown = document.contents) {
    this.#document = document;
    this.#lines = lines;
    this.#node = node;
  }

  /** Where a field is written, or the nearest of the fields around it that is. An empty path is the object itself. */
  locate(path: string): Position {
    const { line, col } = this.#lines.linePos(this.#find(splitPath(path)).offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  }

  /** An item of a list object. */
  item(index: number): Written {
    return new Written(this.#document, this.#lines, this.#find(['items', String(index)]).node);
  }

  #find(segments: string[]): { node: unknown; offset: number } {
    let node = this.#node;
    let offset = startOf(node) ?? this.#document.range[0];
    for (const segment of segments) {
      const child = childOf(isAlias(node) ? node.resolve(this.#document) : node, segment);
      if (!child) break;
      offset = child.offset ?? offset;
      node = child.node;
    }
    return { node, offset };
  }
}

function childOf(node: unknown, segment: string): { node: unknown; offset: number | undefined } | undefined {
  if (isSeq(node)) {
    const item = node.items[Number(segment)];
    return item === undefined ? undefined : { node: item, offset: startOf(item) };
  }
  if (!isMap(node)) return undefined;
  const pair = node.items.find(({ key }) => String(key) === segment);
  return pair && { node: pair.value, offset: startOf(pair.key) };
}

function startOf(node: unknown): number | undefined {
  return isNode(node) ? node.range?.[0] : undefined;
}
