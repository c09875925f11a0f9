/** Memory in use without the file pages that were not read of late, which the kernel can take back. In bytes; cAdvisor counts so. */
export function workingSetOf(used: bigint, inactiveFile: bigint): bigint {
  return used > inactiveFile ? used - inactiveFile : 0n;
}
