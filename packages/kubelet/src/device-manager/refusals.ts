/** Why a pod can't have devices, in kubelet's words. */

/** No plugin has the resource, nor is one expected. */
export function unregisteredDevice(resource: string): string {
  return `cannot allocate unregistered device ${resource}`;
}

/** There are too few to choose from. */
export function unavailable(
  { resource, count }: { resource: string; count: number },
  { available, reusable }: { available: readonly string[]; reusable: readonly string[] },
): string {
  const there = new Set([...available, ...reusable]).size;
  return `requested number of devices unavailable for ${resource}. Requested: ${count}, Available: ${there}`;
}
