/** Below this many nodes every one of them is looked at. */
const allBelow = 100;
const leastPercentage = 5;

/** How many nodes have to pass every filter before no more are looked at: kube-scheduler's numFeasibleNodesToFind. */
export function nodesToFind(nodeCount: number, percentageOfNodesToScore: number): number {
  if (nodeCount < allBelow) return nodeCount;
  const percentage = percentageOfNodesToScore || Math.max(50 - Math.floor(nodeCount / 125), leastPercentage);
  return Math.max(Math.floor((nodeCount * Math.min(percentage, 100)) / 100), allBelow);
}
