/** A set of NUMA nodes: bit n stands for node n. */
export type NumaMask = number;

/** The greatest node that a mask can hold. */
export const highestNode = 30;

export function maskOf(nodes: Iterable<number>): NumaMask {
  let mask = 0;
  for (const node of nodes) mask |= 1 << node;
  return mask;
}

/** Ascending. */
export function nodesOf(mask: NumaMask): number[] {
  const nodes: number[] = [];
  for (let node = 0; mask >> node !== 0 && node <= highestNode; node++) if (hasNode(mask, node)) nodes.push(node);
  return nodes;
}

export function hasNode(mask: NumaMask, node: number): boolean {
  return (mask & (1 << node)) !== 0;
}

export function countNodes(mask: NumaMask): number {
  let count = 0;
  for (let rest = mask; rest !== 0; rest &= rest - 1) count++;
  return count;
}

/** Every set of these nodes but the empty one, smaller sets first. */
export function masksOf(nodes: readonly number[]): NumaMask[] {
  const masks = [0];
  for (const node of nodes) masks.push(...masks.map((mask) => mask | (1 << node)));
  return masks.slice(1).toSorted((a, b) => countNodes(a) - countNodes(b) || a - b);
}
