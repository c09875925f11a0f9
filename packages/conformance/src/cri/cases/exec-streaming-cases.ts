import { expectEqual, expectMatch, expectTrue } from '../../expect.ts';
import { expectRefused } from '../../refusals.ts';
import { type Case, SkipCase } from '../../suite.ts';
import { Channels, channel } from '../channels.ts';
import { unknownId } from '../expect.ts';
import { streaming, terminals } from '../needs.ts';
import { completed, execute, output, using } from '../streams.ts';
import type { CriTarget } from '../target.ts';

/** Commands that are streamed to the client. */
export const execStreamingCases: Case<CriTarget>[] = [
  {
    id: 'streaming.exec',
    group: 'streaming',
    clause: 'Exec prepares a command whose output and exit code come over the URL, stdout and stderr apart (cri.proto, Exec)',
    proves: ['Exec', 'ExecRequest.container_id', 'ExecRequest.cmd', 'ExecRequest.stdout', 'ExecRequest.stderr', 'ExecResponse.url'],
    needs: [streaming],
    async run(target, signal) {
      await target.withContainer({}, async (container) => {
        await container.start();
        const script = ['sh', '-c', 'echo to out; echo to err >&2; exit 5'];
        await using(execute(target, container, script, output, signal), async (channels) => {
          const { code, stdout, stderr } = await completed(channels);
          expectEqual(stdout, 'to out\n', 'stdout');
          expectEqual(stderr, 'to err\n', 'stderr');
          expectEqual(code, 5, 'exit code');
        });
      });
    },
  },
  {
    id: 'streaming.exec-success',
    group: 'streaming',
    clause: 'a command that ends with 0 is told as a success (kubernetes, remotecommand v4)',
    proves: ['Exec'],
    needs: [streaming],
    async run(target, signal) {
      await target.withContainer({}, async (container) => {
        await container.start();
        await using(execute(target, container, ['true'], output, signal), async (channels) =>
          expectEqual(await channels.exitCode(), 0, 'exit code'),
        );
      });
    },
  },
  {
    id: 'streaming.exec-large',
    group: 'streaming',
    clause: 'large output arrives whole, without the limit that ExecSync has (cri.proto, Exec)',
    proves: ['Exec'],
    needs: [streaming],
    async run(target, signal) {
      await target.withContainer({}, async (container) => {
        await container.start();
        const bytes = 20 * 1024 * 1024;
        await using(
          execute(target, container, ['sh', '-c', `yes 0123456789abcde | head -c ${bytes}`], output, signal),
          async (channels) => {
            expectEqual(await channels.exitCode(), 0, 'exit code');
            const received = channels.received(channel.stdout);
            expectEqual(received.length, bytes, 'bytes of stdout');
            expectTrue(received.equals(Buffer.from('0123456789abcde\n'.repeat(bytes / 16))), 'stdout has other bytes than were written');
          },
        );
      });
    },
  },
  {
    id: 'streaming.exec-stdin',
    group: 'streaming',
    clause: 'with stdin, what the client sends is read by the command (cri.proto, ExecRequest.stdin)',
    proves: ['ExecRequest.stdin'],
    needs: [streaming],
    async run(target, signal) {
      await target.withContainer({}, async (container) => {
        await container.start();
        const script = ['sh', '-c', 'read line; echo "got $line"'];
        await using(execute(target, container, script, { stdin: true, ...output }, signal), async (channels) => {
          channels.send(channel.stdin, 'a line\n');
          expectEqual((await completed(channels)).stdout, 'got a line\n', 'stdout');
        });
      });
    },
  },
  {
    id: 'streaming.exec-half-close',
    group: 'streaming',
    clause: 'with v5.channel.k8s.io the client can end stdin, and the command goes on (kubernetes, KEP-4006)',
    proves: ['ExecRequest.stdin'],
    needs: [streaming],
    async run(target, signal) {
      await target.withContainer({}, async (container) => {
        await container.start();
        await using(execute(target, container, ['wc', '-c'], { stdin: true, ...output }, signal), async (channels) => {
          channels.send(channel.stdin, '12345');
          if (!channels.closeChannel(channel.stdin)) throw new SkipCase(`the server chose ${channels.protocol}, which can not end stdin`);
          expectEqual((await completed(channels)).stdout, '5\n', 'stdout');
        });
      });
    },
  },
  {
    id: 'streaming.exec-tty',
    group: 'streaming',
    clause: 'with tty the command has a terminal, whose size the client tells (cri.proto, ExecRequest.tty)',
    proves: ['ExecRequest.tty'],
    needs: [streaming, terminals],
    async run(target, signal) {
      await target.withContainer({}, async (container) => {
        await container.start();
        const script = ['sh', '-c', 'test -t 0 && test -t 1 && echo terminal; read line; stty size; exit 3'];
        await using(execute(target, container, script, { tty: true, stdin: true, stdout: true }, signal), async (channels) => {
          await channels.receives(channel.stdout, /terminal/);
          channels.send(channel.resize, JSON.stringify({ Width: 91, Height: 37 }));
          // The size goes another way than the line that ends the wait for it.
          await using(execute(target, container, ['sleep', '0.3'], output, signal), (waiting) => waiting.exitCode());
          channels.send(channel.stdin, 'go\n');
          const { code, stdout } = await completed(channels);
          expectMatch(stdout, /37 91\r?\n/, 'size of the terminal');
          expectEqual(code, 3, 'exit code');
        });
      });
    },
  },
  {
    id: 'streaming.exec-single-use',
    group: 'streaming',
    clause: 'a URL is valid for one use (cri.proto, ExecResponse.url)',
    proves: ['ExecResponse.url'],
    needs: [streaming],
    async run(target, signal) {
      await target.withContainer({}, async (container) => {
        await container.start();
        const { url } = await target.client.Exec({ containerId: container.id, cmd: ['true'], ...output });
        expectMatch(url, /^https?:\/\/[^/]+\/.+/, 'url');
        await using(Channels.open(url, 'command', signal), (channels) => channels.exitCode());
        await expectRefused(using(Channels.open(url, 'command', signal), (channels) => channels.exitCode()).catch(refused), 'a second use');
      });
    },
  },
  {
    id: 'streaming.exec-unknown-token',
    group: 'streaming',
    clause: 'a URL that was never given is refused (cri.proto, ExecResponse.url)',
    proves: ['ExecResponse.url'],
    needs: [streaming],
    async run(target, signal) {
      await target.withContainer({}, async (container) => {
        await container.start();
        const { url } = await target.client.Exec({ containerId: container.id, cmd: ['true'], ...output });
        const guessed = new URL(url);
        guessed.pathname = guessed.pathname.replace(/[^/]+$/, 'guessed');
        await expectRefused(
          using(Channels.open(guessed.href, 'command', signal), (channels) => channels.exitCode()).catch(refused),
          'a guessed token',
        );
      });
    },
  },
  {
    id: 'streaming.exec-unknown',
    group: 'streaming',
    clause: 'Exec in an unknown container is an error (cri.proto, Exec)',
    proves: ['Exec'],
    async run({ client }) {
      await expectRefused(client.Exec({ containerId: unknownId, cmd: ['true'], ...output }), 'Exec in an unknown container');
    },
  },
  {
    id: 'streaming.exec-not-running',
    group: 'streaming',
    clause: 'Exec in a container that does not run is an error, of the call or over the URL (cri.proto, Exec)',
    proves: ['Exec'],
    needs: [streaming],
    async run(target, signal) {
      await target.withContainer({}, async (container) => {
        const call = using(execute(target, container, ['true'], output, signal), (channels) => channels.exitCode());
        const code = await call.catch(() => 1);
        expectTrue(code !== 0, 'the command succeeded in a container that was not started');
      });
    },
  },
  {
    id: 'streaming.exec-no-streams',
    group: 'streaming',
    clause: 'at least one of stdin, stdout and stderr must be set (cri.proto, ExecRequest)',
    proves: ['ExecRequest.stdin', 'ExecRequest.stdout', 'ExecRequest.stderr'],
    needs: [streaming],
    async run(target) {
      await target.withContainer({}, async (container) => {
        await container.start();
        await expectRefused(
          target.client.Exec({ containerId: container.id, cmd: ['true'] }),
          'Exec without streams',
          'INVALID_ARGUMENT',
          'UNKNOWN',
        );
      });
    },
  },
  {
    id: 'streaming.exec-tty-stderr',
    group: 'streaming',
    clause: 'stderr can not be asked for with tty: a terminal has one output (cri.proto, ExecRequest.stderr)',
    proves: ['ExecRequest.tty', 'ExecRequest.stderr'],
    needs: [streaming],
    async run(target) {
      await target.withContainer({}, async (container) => {
        await container.start();
        const request = { containerId: container.id, cmd: ['true'], tty: true, ...output };
        await expectRefused(target.client.Exec(request), 'Exec with tty and stderr', 'INVALID_ARGUMENT', 'UNKNOWN');
      });
    },
  },
];

/** How a WebSocket was refused is no gRPC code. */
function refused(error: Error): never {
  throw new Error(error.message);
}
