import { once } from 'node:events';
import { createConnection } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const pollMs = 100;
const patienceMs = 5000;

/** Connects, trying again for some seconds; throws why it couldn't. */
export async function connectsTo(host: string, port: number, signal: AbortSignal): Promise<void> {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    const error = await tryOnce(host, port);
    if (!error) return;
    if (Date.now() > deadline) throw new Error(`no connection to ${host}:${port}: ${error.message}`);
    await sleep(pollMs, undefined, { signal });
  }
}

async function tryOnce(host: string, port: number): Promise<Error | undefined> {
  const socket = createConnection({ host, port, timeout: 1000 });
  socket.once('timeout', () => socket.destroy(new Error('it does not answer')));
  try {
    await once(socket, 'connect');
    return undefined;
  } catch (error) {
    return error as Error;
  } finally {
    socket.destroy();
  }
}
