import { type Document, isAlias, isMap, isNode, isSeq, type LineCounter, type Node } from 'yaml';

/** A place in a file; lines and columns count from 1. */
export interface Position {
  line: number;
  column: number;
}

/** The names and indexes in a field path: `spec.ports[0]` is `spec`, `ports`, `0`. A map's key stands in brackets whole, dots and all. */
export function splitPath(path: string): string[] {
  return [...path.matchAll(/\[([^\]]*)\]|([^.[\]]+)/g)].map(([, bracketed, name]) => bracketed ?? name ?? '');
}

/** Where a value stands in a document, or the nearest of the values around it that is written there. */
export function positionOf(document: Document.Parsed, lines: LineCounter, path: string, base?: Node): Position {
  let node: unknown = base ?? document.contents;
  let offset = startOf(node) ?? document.range[0];
  for (const segment of splitPath(path)) {
    const child = childOf(isAlias(node) ? node.resolve(document) : node, segment);
    if (!child) break;
    offset = child.offset ?? offset;
    node = child.node;
  }
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(line, 1), column: Math.max(col, 1) };
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
