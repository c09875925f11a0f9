import { expectEqual, expectMatch, expectSame, expectTrue } from '../../expect.ts';
import type { Case } from '../../suite.ts';
import { sinceRelease } from '../expect.ts';
import { image, imageContents, isolation, logs, processes, terminals } from '../needs.ts';
import type { CriTarget } from '../target.ts';
import { numberedUser } from '../test-images.ts';

/** What runs in a container: command, environment, user, terminal, signals. */
export const processCases: Case<CriTarget>[] = [
  {
    id: 'process.image-defaults',
    group: 'process',
    clause: "an empty command is the image's Entrypoint and Cmd, with its Env, User and WorkingDir (cri.proto, ContainerConfig.command)",
    proves: ['ContainerConfig.command', 'ContainerConfig.args', 'ContainerConfig.working_dir'],
    needs: [imageContents, image('configured'), logs],
    async run(target, signal) {
      const { stdout } = await target.finished({ image: { image: await target.image('configured') }, command: [] }, signal);
      expectSame(stdout, ['from the image, app, /home/app'], 'what it printed');
    },
  },
  {
    id: 'process.args-only',
    group: 'process',
    clause: "args stand in place of the image's Cmd and leave its Entrypoint (cri.proto, ContainerConfig.args)",
    proves: ['ContainerConfig.args'],
    needs: [imageContents, image('configured'), logs],
    async run(target, signal) {
      const config = { image: { image: await target.image('configured') }, command: [], args: ['echo "args: $KEPT"'] };
      expectSame((await target.finished(config, signal)).stdout, ['args: yes'], 'what it printed');
    },
  },
  {
    id: 'process.command-without-cmd',
    group: 'process',
    clause: "with a command, the image's Cmd is not added (cri.proto, ContainerConfig.args)",
    proves: ['ContainerConfig.command'],
    needs: [imageContents, image('configured'), logs],
    async run(target, signal) {
      const config = { image: { image: await target.image('configured') }, command: ['echo', 'alone'] };
      expectSame((await target.finished(config, signal)).stdout, ['alone'], 'what it printed');
    },
  },
  {
    id: 'process.env-override',
    group: 'process',
    clause: 'envs are added to those of the image, and a later one of the same name wins (cri.proto, ContainerConfig.envs)',
    proves: ['ContainerConfig.envs'],
    needs: [imageContents, image('configured'), logs],
    async run(target, signal) {
      const env = (value: string) => ({ key: 'GREETING', value: Buffer.from(value) });
      const config = {
        image: { image: await target.image('configured') },
        command: ['sh', '-c', 'echo "$GREETING $KEPT"; env | grep -c ^GREETING='],
        envs: [env('first'), env('second')],
      };
      expectSame((await target.finished(config, signal)).stdout, ['second yes', '1'], 'what it printed');
    },
  },
  {
    id: 'process.env-value',
    group: 'process',
    clause: 'the value of a variable arrives as it is: with blanks, line ends, equals signs and quotes (cri.proto, KeyValue.value)',
    proves: ['KeyValue.value'],
    needs: [logs],
    async run(target, signal) {
      const value = Buffer.from('a b=c "d"\n$HOME ünïcode');
      const output = await target.script('printf %s "$VALUE" | od -An -tx1 | tr -d " \\n"', signal, { envs: [{ key: 'VALUE', value }] });
      expectEqual(output, value.toString('hex'), 'bytes of the value');
    },
  },
  {
    id: 'process.numbered-user',
    group: 'process',
    clause: "without a user in the request, the image's numbers count, also where /etc/passwd lacks them (image-spec, config.User)",
    proves: ['LinuxContainerSecurityContext.run_as_user'],
    needs: [imageContents, image('numbered'), logs],
    async run(target, signal) {
      const config = { image: { image: await target.image('numbered') }, command: ['sh', '-c', 'echo "$(id -u):$(id -g)"'] };
      expectSame((await target.finished(config, signal)).stdout, [`${numberedUser.uid}:${numberedUser.gid}`], 'user and group');
    },
  },
  {
    id: 'process.stdin-closed',
    group: 'process',
    clause: 'without stdin, reading gives end of file (cri.proto, ContainerConfig.stdin)',
    proves: ['ContainerConfig.stdin'],
    needs: [logs],
    async run(target, signal) {
      expectEqual(await target.script('cat; echo "cat ended with $?"', signal), 'cat ended with 0', 'what it printed');
    },
  },
  {
    id: 'process.tty',
    group: 'process',
    clause: 'with tty, the standard streams are a terminal, and all output is stdout (cri.proto, ContainerConfig.tty)',
    proves: ['ContainerConfig.tty'],
    needs: [logs, terminals],
    async run(target, signal) {
      const command = ['sh', '-c', 'test -t 0 && test -t 1 && test -t 2 && echo terminal >&2'];
      const { status, stdout, stderr } = await target.finished({ tty: true, command }, signal);
      expectEqual(status.exitCode, 0, 'exit code of the test for terminals');
      expectSame([stdout.map((line) => line.trimEnd()), stderr], [['terminal'], []], 'stdout and stderr');
    },
  },
  {
    id: 'process.no-tty',
    group: 'process',
    clause: 'without tty, the standard streams are no terminal (cri.proto, ContainerConfig.tty)',
    proves: ['ContainerConfig.tty'],
    needs: [logs],
    async run(target, signal) {
      expectEqual(await target.script('test -t 1 || test -t 2 || echo none', signal), 'none', 'what it printed');
    },
  },
  {
    id: 'process.killed',
    group: 'process',
    clause: 'exit_code is 128 plus the signal for a process that a signal ended (cri.proto, ContainerStatus.exit_code)',
    proves: ['ContainerStatus.exit_code'],
    needs: [processes],
    async run(target, signal) {
      await target.withContainer({}, async (container) => {
        await container.start();
        await container.stop(0);
        expectEqual((await container.ended(signal)).exitCode, 128 + 9, 'exit_code');
      });
    },
  },
  {
    id: 'process.exit-codes',
    group: 'process',
    clause: 'every exit code from 0 to 255 comes back as it was (cri.proto, ContainerStatus.exit_code)',
    proves: ['ContainerStatus.exit_code'],
    needs: [processes],
    async run(target, signal) {
      for (const code of [1, 42, 126, 128, 255]) {
        const { status } = await target.finished({ command: ['sh', '-c', `exit ${code}`] }, signal);
        expectEqual(status.exitCode, code, 'exit_code');
      }
    },
  },
  {
    id: 'process.times',
    group: 'process',
    clause: 'started_at and finished_at span the time that the process ran (cri.proto, ContainerStatus.finished_at)',
    proves: ['ContainerStatus.started_at', 'ContainerStatus.finished_at'],
    needs: [processes],
    async run(target, signal) {
      const { status } = await target.finished({ command: ['sleep', '0.5'] }, signal);
      const milliseconds = Number(BigInt(status.finishedAt) - BigInt(status.startedAt)) / 1e6;
      expectTrue(milliseconds >= 450 && milliseconds < 20_000, `a process of half a second took ${milliseconds} ms`);
      const age = Date.now() - Number(BigInt(status.finishedAt) / 1_000_000n);
      expectTrue(age > -5000 && age < 60_000, `finished_at is ${age} ms ago`);
    },
  },
  {
    id: 'process.image-stop-signal',
    group: 'process',
    clause: "StopContainer sends the image's StopSignal (image-spec, config.StopSignal)",
    proves: ['ContainerConfig.stop_signal'],
    needs: [imageContents, image('configured'), logs],
    async run(target, signal) {
      const command = ['sh', '-c', 'trap "exit 31" USR1; trap "exit 32" TERM; echo ready; while true; do sleep 0.05; done'];
      await target.withContainer({ image: { image: await target.image('configured') }, command }, async (container) => {
        await container.start();
        await container.says(/ready/, signal);
        await container.stop(20);
        expectEqual((await container.status()).exitCode, 31, 'exit_code');
      });
    },
  },
  {
    id: 'process.stop-signal',
    group: 'process',
    clause: "stop_signal stands in place of the image's StopSignal, and comes back (cri.proto, ContainerConfig.stop_signal)",
    proves: ['ContainerConfig.stop_signal', 'ContainerStatus.stop_signal'],
    needs: [logs],
    async run(target, signal) {
      sinceRelease(target, '0.33', 'stop_signal');
      const command = ['sh', '-c', 'trap "exit 33" INT; trap "exit 32" TERM; echo ready; while true; do sleep 0.05; done'];
      await target.withContainer({ stopSignal: 'SIGINT', command }, async (container) => {
        expectEqual((await container.status()).stopSignal, 'SIGINT', 'stop_signal');
        await container.start();
        await container.says(/ready/, signal);
        await container.stop(20);
        expectEqual((await container.status()).exitCode, 33, 'exit_code');
      });
    },
  },
  {
    id: 'process.working-dir-made',
    group: 'process',
    clause: 'a working directory that the image lacks is made (image-spec, config.WorkingDir)',
    proves: ['ContainerConfig.working_dir'],
    needs: [logs, isolation],
    async run(target, signal) {
      expectEqual(await target.script('pwd', signal, { workingDir: '/made/for/it' }), '/made/for/it', 'working directory');
    },
  },
  {
    id: 'process.standard-mounts',
    group: 'process',
    clause: '/proc, /sys and /dev are there with the usual devices (runtime-spec, config-linux.md, Default Filesystems and Devices)',
    proves: ['CreateContainer'],
    needs: [logs],
    async run(target, signal) {
      const output = await target.script(
        'test -e /proc/self && test -d /sys/kernel && for d in null zero full random urandom tty; do test -c /dev/$d || echo no $d; done; echo done',
        signal,
      );
      expectMatch(output, /^done$/, 'missing devices');
    },
  },
];
