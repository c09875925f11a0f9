import { once } from 'node:events';
import { link } from 'node:fs/promises';
import { createServer } from 'node:net';

/** Makes a socket file without a server, as a crash leaves it. Whoever connects while it is made is let go. */
export async function leaveDeadSocket(path: string): Promise<void> {
  // Node removes the file of the name that it listened on.
  const made = `${path}.made`;
  // Nobody reads from a connection, so that none would ever end: the server wouldn't either.
  const server = createServer((connection) => connection.destroy()).listen(made);
  await once(server, 'listening');
  await link(made, path);
  server.close();
  await once(server, 'close');
}
