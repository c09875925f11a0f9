import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ContainerStatus } from '@berth/sdk/cri';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { terminationMessagePathAnnotation, terminationMessagePolicyAnnotation } from '../cri/labels.ts';
import { terminationMessage } from './termination-message.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'berth-message-'));
});

afterEach(() => rmSync(directory, { recursive: true }));

interface End {
  file?: string | undefined;
  log?: string[];
  policy?: 'File' | 'FallbackToLogsOnError';
  exitCode?: number;
  message?: string;
}

async function messageOf({ file, log, policy = 'File', exitCode = 1, message = '' }: End): Promise<string> {
  const [hostPath, logPath] = [join(directory, 'file'), join(directory, '0.log')];
  if (file !== undefined) writeFileSync(hostPath, file);
  if (log) writeFileSync(logPath, log.map((line) => `2026-11-22T05:00:00.000000001Z stdout F ${line}\n`).join(''));
  return terminationMessage(
    ContainerStatus.fromPartial({
      exitCode,
      message,
      logPath,
      mounts: [{ hostPath, containerPath: '/dev/termination-log' }],
      annotations: { [terminationMessagePathAnnotation]: '/dev/termination-log', [terminationMessagePolicyAnnotation]: policy },
    }),
  );
}

const fallback = 'FallbackToLogsOnError';

describe('the termination message of a container', () => {
  it.each<[behaviour: string, end: End, expected: string]>([
    ['is what it wrote to its file', { file: 'out of luck' }, 'out of luck'],
    ['is that of a success too', { file: 'all done', exitCode: 0 }, 'all done'],
    ["stands behind the runtime's own", { file: 'out of luck', message: 'killed' }, 'killed: out of luck'],
    ['is empty without either', { file: '' }, ''],
    ['is empty when the file is gone with its pod', {}, ''],
    ['is not taken from the log unless the policy says so', { file: '', log: ['why'] }, ''],
    ['is the end of the log of one that failed', { file: '', log: ['first', 'why'], policy: fallback }, 'first\nwhy\n'],
    ['is not the log of one that succeeded', { file: '', log: ['why'], policy: fallback, exitCode: 0 }, ''],
    ['is the file before the log', { file: 'said', log: ['why'], policy: fallback }, 'said'],
    ['is empty when there is no log', { file: '', policy: fallback }, ''],
  ])('%s', async (_behaviour, end, expected) => {
    expect(await messageOf(end)).toBe(expected);
  });

  it('has at most the last 4096 bytes of the file', async () => {
    expect(await messageOf({ file: `${'a'.repeat(9000)}end` })).toBe(`${'a'.repeat(4093)}end`);
  });

  it('has at most the last 80 lines of the log', async () => {
    const log = Array.from({ length: 200 }, (_, index) => `${index}`);
    expect(await messageOf({ file: '', log, policy: fallback })).toBe(`${log.slice(120).join('\n')}\n`);
  });

  it('has at most the last 2048 bytes of the log', async () => {
    expect(await messageOf({ file: '', log: ['x'.repeat(5000)], policy: fallback })).toBe(`${'x'.repeat(2047)}\n`);
  });
});
