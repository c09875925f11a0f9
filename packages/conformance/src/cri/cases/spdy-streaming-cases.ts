import { expectEqual } from '../../expect.ts';
import { expectRefused } from '../../refusals.ts';
import type { Case } from '../../suite.ts';
import { network, streaming, terminals } from '../needs.ts';
import { SpdyClient } from '../spdy-client.ts';
import { SpdyCommand } from '../spdy-command.ts';
import { output, using } from '../streams.ts';
import type { CriTarget } from '../target.ts';

const portForwardProtocol = 'portforward.k8s.io';

/** Streaming over SPDY/3.1, which kubelets relay and crictl and older kubectls speak. */
export const spdyStreamingCases: Case<CriTarget>[] = [
  {
    id: 'streaming.spdy-exec',
    group: 'streaming',
    clause:
      'the URL of Exec can be upgraded to SPDY/3.1: stdout, stderr and the exit code each have a stream (kubernetes, remotecommand v4)',
    proves: ['Exec', 'ExecResponse.url'],
    needs: [streaming],
    async run(target, signal) {
      await target.withContainer({}, async (container) => {
        await container.start();
        const cmd = ['sh', '-c', 'echo to out; echo to err >&2; exit 5'];
        const { url } = await target.client.Exec({ containerId: container.id, cmd, ...output });
        await using(SpdyCommand.open(url, output, signal), async (command) => {
          expectEqual(await command.exitCode(), 5, 'exit code');
          expectEqual(command.received('stdout'), 'to out\n', 'stdout');
          expectEqual(command.received('stderr'), 'to err\n', 'stderr');
        });
      });
    },
  },
  {
    id: 'streaming.spdy-exec-stdin',
    group: 'streaming',
    clause: 'over SPDY/3.1 the end of the stdin stream is the end of stdin, and the command goes on (kubernetes, remotecommand v4)',
    proves: ['ExecRequest.stdin'],
    needs: [streaming],
    async run(target, signal) {
      await target.withContainer({}, async (container) => {
        await container.start();
        const streams = { stdin: true, ...output };
        const { url } = await target.client.Exec({ containerId: container.id, cmd: ['wc', '-c'], ...streams });
        await using(SpdyCommand.open(url, streams, signal), async (command) => {
          command.send('stdin', 'x'.repeat(100_000));
          command.send('stdin', '12345', true);
          expectEqual(await command.exitCode(), 0, 'exit code');
          expectEqual(command.received('stdout').trim(), '100005', 'bytes that the command read');
        });
      });
    },
  },
  {
    id: 'streaming.spdy-unknown-version',
    group: 'streaming',
    clause:
      'a client that offers only versions of the protocol which the server does not know is refused (kubernetes, httpstream.Handshake)',
    proves: ['ExecResponse.url'],
    needs: [streaming],
    async run(target, signal) {
      await target.withContainer({}, async (container) => {
        await container.start();
        const { url } = await target.client.Exec({ containerId: container.id, cmd: ['true'], ...output });
        const opened = using(SpdyClient.open(url, 'v999.channel.k8s.io', { signal }), async () => undefined);
        await expectRefused(opened, 'an unknown version');
      });
    },
  },
  {
    id: 'streaming.spdy-attach-tty',
    group: 'streaming',
    clause: 'over SPDY/3.1 a terminal that is attached to has the size that the resize stream tells (kubernetes, remotecommand v4)',
    proves: ['Attach', 'AttachRequest.tty', 'AttachRequest.stdin'],
    needs: [streaming, terminals],
    timeLimitMs: 30_000,
    async run(target, signal) {
      const script = 'while [ "$(stty size)" != "37 91" ]; do sleep 0.05; done; echo resized; read line; echo "got $line"; sleep 60';
      await target.withContainer({ tty: true, stdin: true, command: ['sh', '-c', script] }, async (container) => {
        await container.start();
        const streams = { tty: true, stdin: true, stdout: true };
        const { url } = await target.client.Attach({ containerId: container.id, ...streams });
        await using(SpdyCommand.open(url, streams, signal), async (command) => {
          command.send('resize', JSON.stringify({ Width: 91, Height: 37 }));
          await command.receives('stdout', /resized/);
          command.send('stdin', 'typed\n');
          await command.receives('stdout', /got typed/);
        });
        expectEqual((await container.status()).state, 'CONTAINER_RUNNING', 'state after the client left');
      });
    },
  },
  {
    id: 'streaming.spdy-port-forward',
    group: 'streaming',
    clause:
      'over SPDY/3.1 a client opens two streams for each connection, which name the port; connections go on beside each other (kubernetes, portforward.k8s.io)',
    proves: ['PortForward', 'PortForwardResponse.url'],
    needs: [streaming, network],
    async run(target, signal) {
      await target.withPod({}, async (pod) => {
        const server = await pod.start({ command: ['httpd', '-f', '-p', '8080', '-h', '/etc'] });
        await server.script('for i in 1 2 3 4 5 6 7 8 9; do wget -qO- http://127.0.0.1:8080/group && break; sleep 0.1; done');
        await using(portForward(target, pod.id, signal), async (client) => {
          const connections = [await connection(client, '0', 8080), await connection(client, '1', 8080)];
          for (const { data } of connections) client.send(data, 'GET /group HTTP/1.0\r\n\r\n');
          for (const { data } of connections) await client.receives(data, /root:/);
          for (const { error } of connections) expectEqual(client.received(error), '', 'what the error stream tells');
        });
      });
    },
  },
  {
    id: 'streaming.spdy-port-forward-closed',
    group: 'streaming',
    clause: 'over SPDY/3.1 a port that nothing listens on is told on its error stream (kubernetes, portforward.k8s.io)',
    proves: ['PortForward'],
    needs: [streaming, network],
    timeLimitMs: 30_000,
    async run(target, signal) {
      const { id } = await target.sharedPod();
      await using(portForward(target, id, signal), async (client) => {
        const { error, data } = await connection(client, '0', 9);
        client.send(data, 'x');
        await client.receives(error, /./);
      });
    },
  },
];

async function portForward(target: CriTarget, podSandboxId: string, signal: AbortSignal): Promise<SpdyClient> {
  const { url } = await target.client.PortForward({ podSandboxId, port: [] });
  return SpdyClient.open(url, portForwardProtocol, { signal });
}

/** The streams of one connection to a port. The client has nothing to say on that of errors. */
async function connection(client: SpdyClient, requestid: string, port: number): Promise<{ error: number; data: number }> {
  const headers = { port: String(port), requestid };
  const error = await client.openStream({ streamtype: 'error', ...headers });
  client.send(error, '', true);
  return { error, data: await client.openStream({ streamtype: 'data', ...headers }) };
}
