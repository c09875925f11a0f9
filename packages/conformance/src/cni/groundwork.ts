import { nameOf, type TestHost } from './host.ts';
import type { CniResult } from './results.ts';

/**
 * Makes what a main plugin would have made, for a meta plugin to work on: a veth pair between container and host, with the address of its
 * own on this host. Gives that plugin's result in the shape of 1.1.0.
 */
export async function layGroundwork(host: TestHost, netns: string, ifName: string): Promise<CniResult> {
  const number = host.nextNumber();
  const [peer, address] = [`veth${number}`, `10.89.0.${number + 1}`];
  const container = nameOf(netns);
  const macs = { host: mac(0xaa, number), container: mac(0xbb, number) };
  await host.ipBatch([
    `link add name ${peer} address ${macs.host} type veth peer name ${ifName} address ${macs.container} netns ${container}`,
    `link set dev ${peer} up`,
    `route add ${address}/32 dev ${peer}`,
  ]);
  await host.ipBatch(
    [
      'link set dev lo up',
      `link set dev ${ifName} up`,
      `address add ${address}/24 dev ${ifName}`,
      `route add default via 10.89.0.1 dev ${ifName}`,
    ],
    netns,
  );
  return {
    interfaces: [
      { name: peer, mac: macs.host },
      { name: ifName, mac: macs.container, sandbox: netns },
    ],
    ips: [{ address: `${address}/24`, gateway: '10.89.0.1', interface: 1 }],
    routes: [{ dst: '0.0.0.0/0' }],
    dns: { nameservers: ['192.0.2.53'] },
  };
}

function mac(prefix: number, number: number): string {
  return [0x0a, 0x58, prefix, 0, 0, number].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}
