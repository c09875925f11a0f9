import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { Socket } from 'node:net';
import { PluginError } from '@berth/sdk/errors';
import { atFirstUse, libc } from '../syscalls.ts';

const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_STREAM = 1;
const SOCK_CLOEXEC = 0o2000000;
const CLONE_NEWNET = 0x40000000;

const calls = atFirstUse(() => {
  const { library, failed } = libc();
  return {
    setns: library.func('int setns(int fd, int type)') as (descriptor: number, type: number) => number,
    socket: library.func('int socket(int domain, int type, int protocol)') as (domain: number, type: number, protocol: number) => number,
    failed,
  };
});

/** A TCP connection to a port on loopback, IPv4 before IPv6; in the network namespace of that file, or in the caller's own. */
export async function dialLoopback(namespace: string | undefined, port: number, signal: AbortSignal): Promise<Socket> {
  const refused: Error[] = [];
  for (const [host, family] of [
    ['127.0.0.1', AF_INET],
    ['::1', AF_INET6],
  ] as const) {
    const socket = new Socket({ allowHalfOpen: true, ...(namespace !== undefined && { fd: socketIn(namespace, family) }) });
    try {
      await once(socket.connect({ host, port }), 'connect', { signal });
      return socket;
    } catch (error) {
      socket.destroy();
      signal.throwIfAborted();
      refused.push(error as Error);
    }
  }
  throw new PluginError('UNAVAILABLE', `no connection: ${refused.map(({ message }) => message).join('; ')}`, {
    object: `port ${port} on the pod's loopback`,
    hint: 'check that something listens there',
  });
}

/**
 * A socket belongs to the network namespace that its thread is in when it is made; where that is connected from doesn't matter. All
 * of this is one synchronous piece, so that nothing else of the process ever runs in the pod's namespace.
 */
function socketIn(namespace: string, family: number): number {
  const { setns, socket, failed } = calls();
  const own = openSync('/proc/thread-self/ns/net', 'r');
  try {
    const pod = openSync(namespace, 'r');
    try {
      if (setns(pod, CLONE_NEWNET) !== 0) throw failed('setns', namespace);
      try {
        const descriptor = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (descriptor < 0) throw failed('socket', namespace);
        return descriptor;
      } finally {
        // In the wrong namespace this process would do harm with every connection that it makes.
        if (setns(own, CLONE_NEWNET) !== 0) process.abort();
      }
    } finally {
      closeSync(pod);
    }
  } finally {
    closeSync(own);
  }
}
