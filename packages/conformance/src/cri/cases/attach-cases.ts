import { expectEqual } from '../../expect.ts';
import { expectRefused } from '../../refusals.ts';
import type { Case } from '../../suite.ts';
import { channel } from '../channels.ts';
import { unknownId } from '../expect.ts';
import { streaming, terminals } from '../needs.ts';
import { attach, output, using } from '../streams.ts';
import type { CriTarget } from '../target.ts';

/** A container's own standard streams, streamed to the client. */
export const attachCases: Case<CriTarget>[] = [
  {
    id: 'streaming.attach-output',
    group: 'streaming',
    clause: "Attach streams the container's own output from then on (cri.proto, Attach)",
    proves: ['Attach', 'AttachRequest.container_id', 'AttachRequest.stdout', 'AttachRequest.stderr', 'AttachResponse.url'],
    needs: [streaming],
    async run(target, signal) {
      await target.withContainer({ command: ['sh', '-c', 'while true; do echo out; echo err >&2; sleep 0.1; done'] }, async (container) => {
        await container.start();
        await using(attach(target, container, output, signal), async (channels) => {
          await channels.receives(channel.stdout, /out\n/);
          await channels.receives(channel.stderr, /err\n/);
        });
        expectEqual((await container.status()).state, 'CONTAINER_RUNNING', 'state after the client left');
      });
    },
  },
  {
    id: 'streaming.attach-stdin',
    group: 'streaming',
    clause: 'with stdin, what the client sends reaches the container (cri.proto, AttachRequest.stdin)',
    proves: ['AttachRequest.stdin', 'ContainerConfig.stdin'],
    needs: [streaming],
    async run(target, signal) {
      const command = ['sh', '-c', 'while read line; do echo "got $line"; done'];
      await target.withContainer({ stdin: true, command }, async (container) => {
        await container.start();
        await using(attach(target, container, { stdin: true, ...output }, signal), async (channels) => {
          channels.send(channel.stdin, 'first\n');
          await channels.receives(channel.stdout, /got first\n/);
        });
        await using(attach(target, container, { stdin: true, ...output }, signal), async (channels) => {
          channels.send(channel.stdin, 'second\n');
          await channels.receives(channel.stdout, /got second\n/);
        });
      });
    },
  },
  {
    id: 'streaming.attach-stdin-once',
    group: 'streaming',
    clause: 'with stdin_once, stdin ends when the first client that attached leaves (cri.proto, ContainerConfig.stdin_once)',
    proves: ['ContainerConfig.stdin_once'],
    needs: [streaming],
    timeLimitMs: 30_000,
    async run(target, signal) {
      await target.withContainer({ stdin: true, stdinOnce: true, command: ['sh', '-c', 'cat > /dev/null; exit 8'] }, async (container) => {
        await container.start();
        await using(attach(target, container, { stdin: true, ...output }, signal), async (channels) => channels.send(channel.stdin, 'x\n'));
        expectEqual((await container.ended(signal)).exitCode, 8, 'exit code after the end of stdin');
      });
    },
  },
  {
    id: 'streaming.attach-tty',
    group: 'streaming',
    clause: 'a container with tty can be attached to as a terminal (cri.proto, AttachRequest.tty)',
    proves: ['AttachRequest.tty'],
    needs: [streaming, terminals],
    async run(target, signal) {
      await target.withContainer({ tty: true, stdin: true, command: ['sh'] }, async (container) => {
        await container.start();
        await using(attach(target, container, { tty: true, stdin: true, stdout: true }, signal), async (channels) => {
          channels.send(channel.stdin, 'echo typed $((40 + 2))\n');
          await channels.receives(channel.stdout, /typed 42/);
        });
      });
    },
  },
  {
    id: 'streaming.attach-unknown',
    group: 'streaming',
    clause: 'Attach to an unknown container is an error (cri.proto, Attach)',
    proves: ['Attach'],
    async run({ client }) {
      await expectRefused(client.Attach({ containerId: unknownId, ...output }), 'Attach to an unknown container');
    },
  },
  {
    id: 'streaming.attach-exited',
    group: 'streaming',
    clause: 'Attach to a container that has ended is an error (cri.proto, Attach)',
    proves: ['Attach'],
    needs: [streaming],
    async run(target) {
      await target.withContainer({}, async (container) => {
        await container.start();
        await container.stop(0);
        await expectRefused(target.client.Attach({ containerId: container.id, ...output }), 'Attach to an ended container');
      });
    },
  },
];
