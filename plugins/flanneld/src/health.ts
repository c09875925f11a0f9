import { createServer, type Server } from 'node:http';
import { PluginError } from '@berth/sdk/errors';

/** Answers `/healthz` with 200 while this process runs. Throws where the address can't be had. */
export async function serveHealth(address: string, port: number): Promise<Server> {
  const server = createServer((request, response) => {
    const found = request.url === '/healthz';
    response.writeHead(found ? 200 : 404, { 'content-type': 'text/plain' });
    response.end(found ? 'flanneld is running' : 'there is only /healthz here');
  });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject).listen(port, address, resolve);
  try {
    await promise;
  } catch (error) {
    throw PluginError.from(error, 'INTERNAL', {
      object: `health check at ${address}:${port}`,
      hint: 'name a free port by -healthz-port, or 0 for none',
    });
  }
  return server;
}
