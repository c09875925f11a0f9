import { existsSync, readFileSync, renameSync } from 'node:fs';
import { expectEqual, expectMatch, expectSame, expectTrue } from '../../expect.ts';
import { expectRefused } from '../../refusals.ts';
import type { Case } from '../../suite.ts';
import { unknownId } from '../expect.ts';
import { logs } from '../needs.ts';
import type { CriTarget } from '../target.ts';

/** How long the last of a log may come after the end of its container. */
const patienceMs = 2000;

/** The log file that a client reads, rotates and keeps. */
export const logCases: Case<CriTarget>[] = [
  {
    id: 'log.path',
    group: 'log',
    clause: 'ContainerStatus tells the absolute path of the log: log_directory and log_path together (cri.proto, ContainerStatus.log_path)',
    proves: ['ContainerStatus.log_path', 'ContainerConfig.log_path'],
    needs: [logs],
    async run(target) {
      await target.withContainer({}, async (container) => {
        expectEqual((await container.status()).logPath, container.logFile, 'log_path');
      });
    },
  },
  {
    id: 'log.subdirectory',
    group: 'log',
    clause: 'the directory of a log_path like NAME/ATTEMPT.log is there, or made (cri.proto, ContainerConfig.log_path)',
    proves: ['ContainerConfig.log_path'],
    needs: [logs],
    async run(target, signal) {
      const { stdout } = await target.finished({ logPath: 'below/0.log', command: ['echo', 'written'] }, signal);
      expectSame(stdout, ['written'], 'lines');
    },
  },
  {
    id: 'log.long-line',
    group: 'log',
    clause: 'a long line comes in parts tagged P, the last one F, and loses nothing (cri-api, log constants)',
    proves: ['ContainerConfig.log_path', 'LogLine.tag'],
    needs: [logs],
    async run(target, signal) {
      const command = ['sh', '-c', 'yes 0123456789 | tr -d "\\n" | head -c 100000; echo; echo after'];
      await target.withContainer({ command }, async (container) => {
        const { stdout } = await container.finish(signal);
        expectEqual(stdout[0], '0123456789'.repeat(10_000), 'the line put together');
        expectEqual(stdout[1], 'after', 'the next line');
        const longest = Math.max(...container.log().map((line) => line.length));
        expectTrue(longest < 40_000, `a line of the log has ${longest} bytes`);
      });
    },
  },
  {
    id: 'log.no-line-end',
    group: 'log',
    clause: 'output without a line end at the end of a process is not lost (cri-api, log constants)',
    proves: ['ContainerConfig.log_path', 'LogLine.text'],
    needs: [logs],
    async run(target, signal) {
      const { stdout } = await target.finished({ command: ['printf', 'first\\nno end'] }, signal);
      expectSame(stdout, ['first', 'no end'], 'lines');
    },
  },
  {
    id: 'log.many-lines',
    group: 'log',
    clause: 'of many lines every one comes, in its order (cri.proto, ContainerConfig.log_path)',
    proves: ['ContainerConfig.log_path', 'LogLine.text'],
    needs: [logs],
    async run(target, signal) {
      await target.withContainer({ command: ['seq', '1', '20000'] }, async (container) => {
        await container.start();
        await container.ended(signal);
        const patience = AbortSignal.any([signal, AbortSignal.timeout(patienceMs)]);
        await container.says(/^20000$/, patience).catch(() => undefined);
        const lines = container.output('stdout');
        const wrong = lines.findIndex((line, index) => line !== String(index + 1));
        expectEqual(lines[wrong], undefined, `line ${wrong + 1}`);
        expectEqual(lines.length, 20_000, 'lines');
      });
    },
  },
  {
    id: 'log.streams-apart',
    group: 'log',
    clause: 'what goes to stderr is told as stderr, what goes to stdout as stdout, also in turns (cri-api, log constants)',
    proves: ['ContainerConfig.log_path', 'LogLine.stream'],
    needs: [logs],
    async run(target, signal) {
      const command = ['sh', '-c', 'for i in 1 2 3 4 5; do echo out $i; echo err $i >&2; done'];
      const { stdout, stderr } = await target.finished({ command }, signal);
      const expected = (name: string) => [1, 2, 3, 4, 5].map((number) => `${name} ${number}`);
      expectSame(stdout, expected('out'), 'stdout');
      expectSame(stderr, expected('err'), 'stderr');
    },
  },
  {
    id: 'log.times',
    group: 'log',
    clause: 'times are RFC 3339 with a fraction of up to nanoseconds, and none is before the one above it (cri-api, log constants)',
    proves: ['ContainerConfig.log_path', 'LogLine.time'],
    needs: [logs],
    async run(target, signal) {
      await target.withContainer({ command: ['sh', '-c', 'for i in 1 2 3; do echo $i; sleep 0.02; done'] }, async (container) => {
        await container.finish(signal);
        const times = container.log().map((line) => line.split(' ', 1)[0] ?? '');
        for (const time of times) expectMatch(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,9}(Z|[+-]\d\d:\d\d)$/, 'time');
        expectSame(
          times,
          times.toSorted((a, b) => Number(nanosecondsOf(a) - nanosecondsOf(b))),
          'times in order',
        );
        const age = Date.now() - Date.parse(times[0] ?? '');
        expectTrue(age > -5000 && age < 60_000, `the first line is ${age} ms old`);
      });
    },
  },
  {
    id: 'log.kept',
    group: 'log',
    clause: "the log stays when the container is removed: it is the client's (cri.proto, RemoveContainer)",
    proves: ['RemoveContainer'],
    needs: [logs],
    async run(target, signal) {
      await target.withContainer({ command: ['echo', 'kept'] }, async (container) => {
        await container.finish(signal);
        await container.remove();
        expectTrue(existsSync(container.logFile), 'the log was removed with its container');
      });
    },
  },
  {
    id: 'log.reopen',
    group: 'log',
    clause: 'after a rename, ReopenContainerLog goes on in a new file, and no line is lost (cri.proto, ReopenContainerLog)',
    proves: ['ReopenContainerLog', 'ReopenContainerLogRequest.container_id'],
    needs: [logs],
    async run(target, signal) {
      // Ends only when it is told to, so that it still writes when its log is renamed, however slow this is. By a signal, since
      // the end of its container may kill a command that tells it.
      const script = 'trap "exit 0" TERM; i=0; while :; do i=$((i+1)); echo line $i; sleep 0.002; done';
      await target.withContainer({ command: ['sh', '-c', script] }, async (container) => {
        await container.start();
        await container.says(/^line 20$/, signal);
        renameSync(container.logFile, `${container.logFile}.1`);
        await target.client.ReopenContainerLog({ containerId: container.id });
        expectTrue(existsSync(container.logFile), 'no new log file after the answer');
        await container.says(/^line \d+$/, signal);
        await container.stop(30);
        await container.ended(signal);
        const before = readFileSync(`${container.logFile}.1`, 'utf8').split('\n').slice(0, -1);
        const text = [...before, ...container.log()].map((line) => line.split(' ').slice(3).join(' '));
        const wrong = text.findIndex((line, index) => line !== `line ${index + 1}`);
        expectEqual(text[wrong], undefined, `line ${wrong + 1} of both files`);
      });
    },
  },
  {
    id: 'log.reopen-unknown',
    group: 'log',
    clause: 'ReopenContainerLog of an unknown container is an error (cri.proto, ReopenContainerLog)',
    proves: ['ReopenContainerLog'],
    async run({ client }) {
      await expectRefused(client.ReopenContainerLog({ containerId: unknownId }), 'ReopenContainerLog of an unknown id', 'NOT_FOUND');
    },
  },
  {
    id: 'log.reopen-exited',
    group: 'log',
    clause: 'ReopenContainerLog of a container that has ended is refused (cri.proto, ReopenContainerLog)',
    proves: ['ReopenContainerLog'],
    needs: [logs],
    async run(target, signal) {
      await target.withContainer({ command: ['true'] }, async (container) => {
        await container.start();
        await container.ended(signal);
        await expectRefused(target.client.ReopenContainerLog({ containerId: container.id }), 'ReopenContainerLog of an ended container');
      });
    },
  },
];

function nanosecondsOf(time: string): bigint {
  const [, whole = '', fraction = '', zone = ''] = /^(.*)\.(\d+)(.*)$/.exec(time) ?? [];
  return BigInt(Date.parse(whole + zone)) * 1_000_000n + BigInt(fraction.padEnd(9, '0'));
}
