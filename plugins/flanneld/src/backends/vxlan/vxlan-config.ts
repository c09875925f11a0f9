import type { Keys } from '@berth/sdk/cni/keys';

/** The keys of `Backend` for vxlan, with flannel's defaults filled in. */
export interface VxlanConfig {
  vni: number;
  /** UDP port; 0 for the kernel's own. */
  port: number;
  /** Of the link between the hosts, in bytes; undefined for the interface's. */
  linkMtu?: number;
  gbp: boolean;
  learning: boolean;
  directRouting: boolean;
  /** What the MAC addresses of hosts' devices start with: two bytes such as `0e:2a`. */
  macPrefix?: string;
}

/** Throws INVALID_ARGUMENT that names the key. */
export function readVxlanConfig(backend: Keys): VxlanConfig {
  const linkMtu = backend.integer('MTU', 0, 65535);
  const macPrefix = backend.string('MacPrefix');
  if (macPrefix !== undefined && !/^[0-9a-fA-F][26aeAE](-[0-9a-fA-F]{2}|:[0-9a-fA-F]{2})$/.test(macPrefix)) {
    throw backend.wrong('MacPrefix', 'must be two bytes of a locally administered unicast MAC address, such as 0e-2a');
  }
  return {
    vni: backend.integer('VNI', 1, 2 ** 24 - 1) ?? 1,
    port: backend.integer('Port', 0, 65535) ?? 0,
    ...(linkMtu ? { linkMtu } : {}),
    gbp: backend.boolean('GBP') ?? false,
    learning: backend.boolean('Learning') ?? false,
    directRouting: backend.boolean('DirectRouting') ?? false,
    ...(macPrefix ? { macPrefix: macPrefix.toLowerCase().replace('-', ':') } : {}),
  };
}
