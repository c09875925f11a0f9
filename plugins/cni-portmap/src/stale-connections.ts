import { formatAddress } from '@berth/sdk/cni/address';
import { runBeside } from '@berth/sdk/cni/run-beside';
import { addressOf, type Forwarding } from './forwarding.ts';

const timeLimitMs = 10_000;

/**
 * Makes the kernel forget what it knows of UDP traffic to the mapped ports: it would go on sending each flow where it went before, to
 * the host itself or to a container that is gone, for as long as the flow doesn't pause.
 */
export async function endStaleConnections(forwarding: Forwarding): Promise<void> {
  // The ports are mapped all the same where there is no conntrack, and it fails where there is no such flow.
  await Promise.all(deletions(forwarding).map((parameters) => runBeside('conntrack', parameters, { timeLimitMs })));
}

/** The parameters of conntrack(8), for each mapping. */
export function deletions({ targets }: Forwarding): string[][] {
  return targets.flatMap(({ prefix, mappings }) => {
    const family = ['--family', `ipv${prefix.address.family}`];
    return mappings
      .filter(({ protocol }) => protocol === 'udp')
      .map((mapping) => {
        const address = addressOf(mapping);
        const destination = address ? ['--orig-dst', formatAddress(address)] : [];
        return ['--delete', ...family, '--proto', 'udp', '--orig-port-dst', String(mapping.hostPort), ...destination];
      });
  });
}
