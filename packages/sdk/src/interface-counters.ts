/** What went through a network interface since it was made. */
export interface InterfaceCounters {
  name: string;
  received: Traffic;
  sent: Traffic;
}

interface Traffic {
  bytes: bigint;
  packets: bigint;
  errors: bigint;
  dropped: bigint;
}

/** As /proc/net/dev prints them: two lines of headings, then eight columns received and eight sent. Without loopback. */
export function parseInterfaceCounters(text: string): InterfaceCounters[] {
  return text
    .split('\n')
    .slice(2)
    .flatMap((line) => {
      const [, name = '', columns = ''] = /^\s*([^:]+):\s*(.*)$/.exec(line) ?? [];
      const numbers = columns.trim().split(/\s+/);
      if (name === '' || name === 'lo') return [];
      return [{ name, received: traffic(numbers.slice(0, 8)), sent: traffic(numbers.slice(8)) }];
    });
}

function traffic([bytes = '0', packets = '0', errors = '0', dropped = '0']: string[]): Traffic {
  return { bytes: BigInt(bytes), packets: BigInt(packets), errors: BigInt(errors), dropped: BigInt(dropped) };
}
