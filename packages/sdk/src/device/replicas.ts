/** The ids of one device that so many share, `ID::N`, as NVIDIA's plugin has them; its own where nobody shares it. */
export function replicaIds(id: string, replicas: number): string[] {
  return replicas === 1 ? [id] : Array.from({ length: replicas }, (_, index) => `${id}::${index}`);
}

/** The id of the device that a replica is of. A device's own id may end likewise: `replicas` tells whether it is one. */
export function withoutReplica(id: string, replicas: number): string {
  return replicas === 1 ? id : id.replace(/::\d+$/, '');
}
