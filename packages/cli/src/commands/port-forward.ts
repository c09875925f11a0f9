import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { PluginError } from '@berth/sdk/errors';
import type { SpdyConnection } from '@berth/shim/spdy';
import { Command, InvalidArgumentError } from 'commander';
import type { GlobalOptions } from '../configuration/global-options.ts';
import { KubeletClient } from '../node/kubelet-client.ts';
import { podReference } from './pod-reference.ts';

interface ForwardedPort {
  local: number;
  remote: number;
}

/** `berth port-forward POD [LOCAL:]REMOTE...`: ports of this host's loopback lead to ports of the pod's, until Ctrl-C. */
export function portForwardCommand(): Command {
  return new Command('port-forward')
    .description("listen on loopback and forward connections to a pod's ports")
    .argument('<pod>', 'pod name, or NAMESPACE/NAME')
    .argument('<ports...>', '[LOCAL]:REMOTE, or one number for both; without LOCAL any free port', ports)
    .option('-n, --namespace <namespace>', 'namespace of the pod', 'default')
    .action(async (text: string, forwarded: ForwardedPort[], options: { namespace: string }, command: Command) => {
      const client = new KubeletClient(command.optsWithGlobals<GlobalOptions>());
      const { namespace, name } = podReference(text, options.namespace);
      const servers: Server[] = [];
      let connection: SpdyConnection | undefined;
      try {
        connection = await client.portForward(namespace, name);
        for (const port of forwarded) servers.push(await listen(port, connection));
        const interrupted = once(process, 'SIGINT');
        const lost = connection.closed.then(() => {
          throw new PluginError('UNAVAILABLE', 'the connection to it was lost', { object: `pod ${namespace}/${name}` });
        });
        await Promise.race([interrupted, lost]);
      } finally {
        for (const server of servers) server.close();
        connection?.destroy();
        await client.close();
      }
    });
}

async function listen({ local, remote }: ForwardedPort, connection: SpdyConnection): Promise<Server> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    forward(socket, remote, connection).catch((error: Error) => {
      socket.destroy();
      process.stderr.write(`berth: ${error.message}\n`);
    });
  });
  server.listen(local, '127.0.0.1');
  await once(server, 'listening').catch((thrown) => {
    throw PluginError.from(thrown, 'INTERNAL', { object: `port ${local} of 127.0.0.1`, hint: 'choose another local port' });
  });
  const { port } = server.address() as { port: number };
  process.stdout.write(`Forwarding from 127.0.0.1:${port} -> ${remote}\n`);
  return server;
}

let requests = 0;

async function forward(socket: Socket, port: number, connection: SpdyConnection): Promise<void> {
  const headers = { port: String(port), requestid: String(requests++) };
  const error = await connection.open({ streamtype: 'error', ...headers });
  error.end();
  const data = await connection.open({ streamtype: 'data', ...headers });
  const [, , said] = await Promise.allSettled([pipeline(socket, data), pipeline(data, socket), text(error)]);
  if (said.status === 'fulfilled' && said.value) throw new PluginError('UNAVAILABLE', said.value);
}

function ports(value: string, earlier: ForwardedPort[] = []): ForwardedPort[] {
  const [, local, remote] = /^(?:(\d{0,5}):)?(\d{1,5})$/.exec(value) ?? [];
  const port = { local: Number(local ?? remote), remote: Number(remote) };
  if (remote === undefined || port.remote === 0 || Math.max(port.local, port.remote) > 65_535) {
    throw new InvalidArgumentError('It has to be [LOCAL]:REMOTE, such as 8080:80.');
  }
  return [...earlier, port];
}
