import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, expect, it, vi } from 'vitest';
import { neverAborted } from './abort.ts';
import { informationFlags, parseFlags } from './command-line.ts';
import { readTask, workUntilTerminated } from './program.ts';

const directory = mkdtempSync(join(tmpdir(), 'berth-program-'));
const packageFile = pathToFileURL(join(directory, 'package.json'));
const commandLine = { heading: 'Usage: quay', flags: { berths: { kind: 'number', help: 'how many' }, ...informationFlags } } as const;

afterAll(() => rmSync(directory, { recursive: true }));

function read(...argv: string[]) {
  const [stdout, stderr] = [process.stdout, process.stderr].map((stream) => vi.spyOn(stream, 'write').mockReturnValue(true));
  const task = readTask(argv, { name: 'quay', packageFile, commandLine, read: (given) => parseFlags(given, commandLine) });
  const written = [stdout, stderr].map((stream) => stream?.mock.calls.join(''));
  vi.restoreAllMocks();
  return { task, stdout: written[0], stderr: written[1] };
}

it('gives what a command line says, prints what it asks for, or tells what is wrong with it', () => {
  writeFileSync(packageFile, '{"version": "1.2.3"}');
  expect(read('--berths=2')).toEqual({ task: { berths: 2 }, stdout: '', stderr: '' });
  expect(read('--help', '--berths=x')).toMatchObject({ task: 0, stdout: expect.stringMatching(/^Usage: quay\n/), stderr: '' });
  expect(read('--version')).toEqual({ task: 0, stdout: '1.2.3\n', stderr: '' });
  expect(read('--berths=x')).toEqual({ task: 2, stdout: '', stderr: 'quay: flag --berths: must be a number\n' });
});

it("ends with 0 where the work does, and with 1 and the log's last line where it fails", async () => {
  const fatal = vi.fn();
  expect(await workUntilTerminated({ fatal }, async () => undefined, neverAborted)).toBe(0);
  expect(fatal).not.toHaveBeenCalled();
  const failing = workUntilTerminated(
    { fatal },
    async () => {
      throw new Error('no socket');
    },
    neverAborted,
  );
  expect([await failing, fatal.mock.calls]).toEqual([1, [['no socket']]]);
});

it('ends with 0 after a signal, whatever the work throws then', async () => {
  const fatal = vi.fn();
  const ended = new AbortController();
  const terminated = workUntilTerminated(
    { fatal },
    async (signal) => {
      ended.abort();
      signal.throwIfAborted();
    },
    ended.signal,
  );
  expect([await terminated, fatal.mock.calls]).toEqual([0, []]);
});
