import { readFileSync } from 'node:fs';
import { PluginError } from '@berth/sdk/errors';
import { type InterfaceCounters, parseInterfaceCounters } from '@berth/sdk/interface-counters';
import { inNetworkNamespace } from './in-network-namespace.ts';

/**
 * The interfaces of a network namespace, by the path of its pin; undefined for one that is gone. The calling thread enters the
 * namespace, reads and comes back without giving way to other work, which takes 50 us: 7 to enter and leave, the rest to read. A
 * descriptor of the file kept open would do without entering (10 us), but holds the namespace of a pod that has ended.
 */
export function interfaceCounters(namespace: string): InterfaceCounters[] | undefined {
  try {
    return inNetworkNamespace(namespace, () => parseInterfaceCounters(readFileSync('/proc/thread-self/net/dev', 'utf8')));
  } catch (error) {
    if (PluginError.from(error).code === 'NOT_FOUND') return undefined;
    throw error;
  }
}
