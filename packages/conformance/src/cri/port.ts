import { once } from 'node:events';
import { type AddressInfo, createConnection, createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { SkipCase } from '../suite.ts';

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

/** Whether somebody listens there. */
export async function isOpen(host: string, port: number): Promise<boolean> {
  return (await tryOnce(host, port)) === undefined;
}

/** A TCP port that nobody has on this host. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** An address by which others reach this host; throws where it has none. */
export function hostAddress(): string {
  const addresses = Object.values(networkInterfaces()).flatMap((one) => one ?? []);
  const found = addresses.find(({ internal, family }) => !internal && family === 'IPv4');
  if (!found) throw new SkipCase('this host has no address but loopback');
  return found.address;
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
