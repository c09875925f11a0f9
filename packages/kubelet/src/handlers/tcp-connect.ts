import { once } from 'node:events';
import { connect } from 'node:net';
import { dialError } from './dial-error.ts';
import { authority } from './handler-target.ts';

/** Connects, and hangs up. Gives why that failed, undefined if it didn't; throws only the reason of `signal`, unless that is a time-out. */
export async function tcpConnect(host: string, port: number, signal: AbortSignal): Promise<string | undefined> {
  const address = authority(host, port);
  const socket = connect({ host, port });
  try {
    await once(socket, 'connect', { signal });
    return undefined;
  } catch (thrown) {
    if (signal.aborted && (signal.reason as Error).name !== 'TimeoutError') throw signal.reason;
    if (signal.aborted) return `dial tcp ${address}: i/o timeout`;
    return dialError(thrown, address) ?? `dial tcp ${address}: ${(thrown as Error).message}`;
  } finally {
    // Nobody reads what it says after its end.
    socket.on('error', () => undefined).destroy();
  }
}
