/** For a port of the bridge, as the reference plugin names them. */
export function randomPortName(): string {
  return `veth${randomHex(4)}`;
}

/** Locally administered and not multicast, as the kernel's own random ones. */
export function randomHardwareAddress(): string {
  return `02:${randomHex(5).match(/../g)?.join(':')}`;
}

/** Names and hardware addresses are no secrets: what loads the means for secrets takes 0.5 ms. */
function randomHex(bytes: number): string {
  return Math.floor(Math.random() * 256 ** bytes)
    .toString(16)
    .padStart(2 * bytes, '0');
}
