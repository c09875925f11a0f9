import { closeSync, openSync } from 'node:fs';
import { PluginError } from '@berth/sdk/errors';
import { syscalls } from '../syscalls.ts';

/**
 * Does `work` in the network namespace that is pinned at a path. All of it is one synchronous piece, so that nothing else of this
 * process ever runs in there. Throws NOT_FOUND where the path is no network namespace (any more).
 */
export function inNetworkNamespace<Result>(path: string, work: () => Result): Result {
  const { enterNetworkNamespace } = syscalls();
  const own = openSync('/proc/thread-self/ns/net', 'r');
  try {
    const target = openSync(path, 'r');
    try {
      if (!enterNetworkNamespace(target)) throw new PluginError('NOT_FOUND', 'it is no network namespace', { object: path });
      try {
        return work();
      } finally {
        // In the wrong namespace this process would do harm with every connection that it makes.
        if (!enterNetworkNamespace(own)) process.abort();
      }
    } finally {
      closeSync(target);
    }
  } finally {
    closeSync(own);
  }
}
