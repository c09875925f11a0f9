import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { PluginError } from '@berth/sdk/errors';
import { type Mutant, rewritingLogs } from './mutant.ts';

/** Rules about output: logs, commands and streams. */
export const sessionMutants: Mutant[] = [
  {
    breaks: 'loses the last line of a log',
    caughtBy: 'log.many-lines',
    saying: 'lines: expected 20000, got 19999',
    mutation: rewritingLogs(withoutLastLine),
  },
  {
    breaks: 'logs stderr as stdout',
    caughtBy: 'log.streams-apart',
    saying: 'stdout: expected',
    mutation: rewritingLogs((text) => text.replaceAll(' stderr ', ' stdout ')),
  },
  {
    breaks: 'mixes stderr into stdout',
    caughtBy: 'exec-sync.result',
    saying: 'got "to out\\nto err\\n"',
    mutation: ({ runtime }) => ({
      runtime: {
        async execSync(request) {
          const { stdout, stderr, exitCode } = await runtime.execSync(request);
          return { stdout: Buffer.concat([stdout, stderr]), stderr: Buffer.alloc(0), exitCode };
        },
      },
    }),
  },
  {
    breaks: 'cuts output off at a megabyte',
    caughtBy: 'exec-sync.large-output',
    saying: 'bytes of stdout: expected 4194304, got 1048576',
    mutation: ({ runtime }) => ({
      runtime: {
        async execSync(request) {
          const response = await runtime.execSync(request);
          return { ...response, stdout: response.stdout.subarray(0, 1024 * 1024) };
        },
      },
    }),
  },
  {
    breaks: 'leaves a command alone that exceeds its timeout',
    caughtBy: 'exec-sync.timeout',
    saying: 'the command still runs',
    mutation: ({ runtime }) => ({
      runtime: {
        async execSync(request) {
          const running = runtime.execSync({ ...request, timeout: 0n });
          running.catch(() => undefined);
          if (request.timeout === 0n) return running;
          await sleep(Number(request.timeout) * 1000);
          throw new PluginError('DEADLINE_EXCEEDED', 'the command took too long');
        },
      },
    }),
  },
  {
    breaks: 'loses a line when it reopens a log',
    caughtBy: 'log.reopen',
    saying: 'of both files',
    mutation: ({ runtime }) => ({
      runtime: {
        async reopenContainerLog(request) {
          const response = await runtime.reopenContainerLog(request);
          const { status } = await runtime.containerStatus({ containerId: request.containerId, verbose: false });
          const rotated = `${status?.logPath}.1`;
          writeFileSync(rotated, withoutLastLine(readFileSync(rotated, 'utf8')));
          return response;
        },
      },
    }),
  },
  {
    breaks: 'goes on in the old file when it reopens a log',
    caughtBy: 'log.reopen',
    saying: 'no new log file',
    mutation: () => ({ runtime: { reopenContainerLog: () => ({}) } }),
  },
];

function withoutLastLine(text: string): string {
  return text.slice(0, text.lastIndexOf('\n', text.length - 2) + 1);
}
