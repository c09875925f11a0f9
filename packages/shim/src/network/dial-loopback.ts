import { once } from 'node:events';
import { Socket } from 'node:net';
import { PluginError } from '@berth/sdk/errors';
import { atFirstUse, libc } from '@berth/sdk/libc';
import { inNetworkNamespace } from './in-network-namespace.ts';

const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_STREAM = 1;
const SOCK_CLOEXEC = 0o2000000;

const calls = atFirstUse(() => {
  const { library, failed } = libc();
  return {
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
    let socket: Socket | undefined;
    try {
      // A host without IPv6 has no such sockets.
      socket = new Socket({ allowHalfOpen: true, ...(namespace !== undefined && { fd: socketIn(namespace, family) }) });
      await once(socket.connect({ host, port }), 'connect', { signal });
      return socket;
    } catch (error) {
      socket?.destroy();
      signal.throwIfAborted();
      refused.push(error as Error);
    }
  }
  throw new PluginError('UNAVAILABLE', `no connection: ${refused.map(({ message }) => message).join('; ')}`, {
    object: `port ${port} on the pod's loopback`,
    hint: 'check that something listens there',
  });
}

/** A socket belongs to the network namespace that its thread is in when it is made; where that is connected from doesn't matter. */
function socketIn(namespace: string, family: number): number {
  const { socket, failed } = calls();
  return inNetworkNamespace(namespace, () => {
    const descriptor = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0) throw failed('socket', namespace);
    return descriptor;
  });
}
