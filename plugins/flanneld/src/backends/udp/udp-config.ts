import type { Prefix } from '@berth/sdk/cni/address';
import { PluginError } from '@berth/sdk/errors';
import type { NetworkConfig } from '../../network-config.ts';

/** The keys of `Backend` for udp. */
export interface UdpConfig {
  /** UDP port, the same on all hosts. */
  port: number;
  /** What is sent through the tunnel. */
  network: Prefix;
}

const usualPort = 8285;

/** Throws INVALID_ARGUMENT that names the key. */
export function readUdpConfig({ backend, ranges }: NetworkConfig): UdpConfig {
  if (!ranges[4] || ranges[6]) {
    throw new PluginError('INVALID_ARGUMENT', 'the udp back end carries IPv4 only', {
      object: 'EnableIPv6',
      hint: 'set EnableIPv4 alone, or take vxlan or host-gw as Backend.Type',
    });
  }
  return { port: backend.integer('Port', 1, 65535) ?? usualPort, network: ranges[4].network };
}
