import { expectEqual, expectTrue } from '../../expect.ts';
import { expectRefused } from '../../refusals.ts';
import type { Case } from '../../suite.ts';
import { Channels } from '../channels.ts';
import { unknownId } from '../expect.ts';
import { network, streaming } from '../needs.ts';
import { using } from '../streams.ts';
import type { CriTarget } from '../target.ts';

/** Ports of a sandbox, streamed to the client. */
export const portForwardCases: Case<CriTarget>[] = [
  {
    id: 'streaming.port-forward',
    group: 'streaming',
    clause: "PortForward prepares streams to ports inside the sandbox's network (cri.proto, PortForward)",
    proves: ['PortForward', 'PortForwardRequest.pod_sandbox_id', 'PortForwardRequest.port', 'PortForwardResponse.url'],
    needs: [streaming, network],
    async run(target, signal) {
      await target.withPod({}, async (pod) => {
        const server = await pod.start({ command: ['httpd', '-f', '-p', '8080', '-h', '/etc'] });
        await server.script('for i in 1 2 3 4 5 6 7 8 9; do wget -qO- http://127.0.0.1:8080/group && break; sleep 0.1; done');
        const { url } = await target.client.PortForward({ podSandboxId: pod.id, port: [8080] });
        await using(Channels.open(url, 'port', signal), async (channels) => {
          channels.send(0, 'GET /group HTTP/1.0\r\n\r\n');
          await channels.receives(0, /root:/);
          expectEqual(channels.received(0).readUInt16LE(0), 8080, 'port that the data channel begins with');
          expectEqual(channels.received(1).readUInt16LE(0), 8080, 'port that the error channel begins with');
        });
      });
    },
  },
  {
    id: 'streaming.port-forward-closed',
    group: 'streaming',
    clause: 'a port that nothing listens on is told on its error channel (kubernetes, port forwarding v4)',
    proves: ['PortForward'],
    needs: [streaming, network],
    timeLimitMs: 30_000,
    async run(target, signal) {
      const { id } = await target.sharedPod();
      const { url } = await target.client.PortForward({ podSandboxId: id, port: [9] });
      await using(Channels.open(url, 'port', signal), async (channels) => {
        channels.send(0, 'x');
        const text = await channels.receives(1, /^[\s\S]{3,}/);
        expectTrue(text.length > 2, 'no error is told');
      });
    },
  },
  {
    id: 'streaming.port-forward-unknown',
    group: 'streaming',
    clause: 'PortForward to an unknown sandbox is an error (cri.proto, PortForward)',
    proves: ['PortForward'],
    async run({ client }) {
      await expectRefused(client.PortForward({ podSandboxId: unknownId, port: [80] }), 'PortForward to an unknown sandbox');
    },
  },
];
