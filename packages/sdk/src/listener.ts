import { chmodSync, lstatSync, renameSync, type Stats } from 'node:fs';
import { createServer, type ListenOptions, type Server, type Socket } from 'node:net';
import { type Address, formatAddress } from './address.ts';
import { PluginError } from './errors.ts';
import { prepareSocketFile } from './socket-file.ts';

/** A listening socket that hands over each connection it accepts. */
export interface Listener {
  /** With the port that was chosen for port 0. */
  readonly address: string;
  /** Accepts no more, and removes the socket file if it is still this listener's. Connections stay as they are. */
  close(): Promise<void>;
}

/** Listens on `address`, by the rules of `prepareSocketFile()` for a unix socket, which becomes its owner's alone (0600). */
export function listen(address: Address, accept: (socket: Socket) => void): Promise<Listener> {
  return address.kind === 'unix' ? listenUnix(address, accept) : listenTcp(address, accept);
}

async function listenTcp(address: Address & { kind: 'tcp' }, accept: (socket: Socket) => void): Promise<Listener> {
  const server = createServer({ noDelay: true }, accept);
  await listening(server, { host: address.host, port: address.port }, formatAddress(address));
  const bound = server.address();
  const port = typeof bound === 'object' && bound ? bound.port : address.port;
  return { address: formatAddress({ ...address, port }), close: () => closed(server) };
}

async function listenUnix(address: Address & { kind: 'unix' }, accept: (socket: Socket) => void): Promise<Listener> {
  const { path } = address;
  await prepareSocketFile(path);
  const server = createServer(accept);
  let own: Stats | undefined;
  await listening(server, { path }, formatAddress(address), () => {
    chmodSync(path, 0o600);
    own = lstatSync(path);
  });
  return { address: formatAddress(address), close: () => closeKeepingSuccessor(server, path, own?.ino) };
}

/** `bound` runs in the same turn as the bind, before anybody can have been accepted. */
async function listening(server: Server, options: ListenOptions, address: string, bound: () => void = () => {}): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject).once('listening', resolve).listen(options);
  if (server.listening) bound();
  await promise.catch((error) => {
    throw listenFailure(error, address);
  });
  // Accepting may fail for a while (EMFILE); the server goes on, and an unheard error would end the process.
  server.on('error', () => {});
}

function listenFailure(error: NodeJS.ErrnoException, address: string): PluginError {
  const object = `address ${address}`;
  if (error.code !== 'EADDRINUSE') return PluginError.from(error, 'INTERNAL', { object });
  return new PluginError('ALREADY_EXISTS', 'another server listens there', {
    object,
    hint: 'stop that one or choose another address',
    cause: error,
  });
}

/** Node unlinks the path when it closes, whose file it may be by then: a successor's is put aside meanwhile. */
function closeKeepingSuccessor(server: Server, path: string, ownInode: number | undefined): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  const aside = `${path}.kept`;
  const replaced = found !== undefined && found.ino !== ownInode;
  if (replaced) renameSync(path, aside);
  try {
    return closed(server);
  } finally {
    if (replaced) renameSync(aside, path);
  }
}

function closed(server: Server): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve());
  return promise;
}
