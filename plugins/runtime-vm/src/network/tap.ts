/** The sandbox's interface, which CNI plugins make, and the tap behind which the machine is. */
export const [sandboxInterface, tapInterface] = ['eth0', 'tap0'] as const;

/** For `ip -batch`: a tap that QEMU, which finds it by name, attaches to. */
export function tapCommands(mtu: number): string[] {
  return [`tuntap add dev ${tapInterface} mode tap vnet_hdr`, `link set dev ${tapInterface} mtu ${mtu} up`];
}

/** For `tc -batch`: whatever arrives at one interface leaves by the other, so that the machine has the sandbox's place in the network. */
export function redirectCommands(): string[] {
  return [...redirect(sandboxInterface, tapInterface), ...redirect(tapInterface, sandboxInterface)];
}

function redirect(from: string, to: string): string[] {
  return [
    `qdisc add dev ${from} ingress`,
    // u32 and not matchall, which not every kernel has: a match of no bits is one of every packet.
    `filter add dev ${from} parent ffff: protocol all u32 match u8 0 0 action mirred egress redirect dev ${to}`,
  ];
}
