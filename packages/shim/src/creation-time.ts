let latest = 0;

/**
 * The time at which an object is made, in milliseconds since the epoch: later than that of every object made before by
 * this process, so that those of one millisecond keep their order.
 */
export function creationTime(): number {
  latest = Math.max(Date.now(), latest + 0.001);
  return latest;
}

/** Orders records by id, the oldest first. */
export function byCreation([, a]: [string, { createdAt: number }], [, b]: [string, { createdAt: number }]): number {
  return a.createdAt - b.createdAt;
}
