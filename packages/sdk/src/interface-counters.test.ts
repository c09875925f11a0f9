import { expect, it } from 'vitest';
import { parseInterfaceCounters } from './interface-counters.ts';

it('reads the columns of /proc/net/dev, without loopback', () => {
  const text = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:     100       1    0    0    0     0          0         0      100       1    0    0    0     0       0          0
  eth0:18446744073709551615 20    1    2    0     0          0         0      300       4    5    6    0     0       0          0
`;
  expect(parseInterfaceCounters(text)).toEqual([
    {
      name: 'eth0',
      received: { bytes: 18446744073709551615n, packets: 20n, errors: 1n, dropped: 2n },
      sent: { bytes: 300n, packets: 4n, errors: 5n, dropped: 6n },
    },
  ]);
});
