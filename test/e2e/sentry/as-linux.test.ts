import { execFileSync } from 'node:child_process';
import { mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { nodeMissing, skipIfMissing } from '../../fixtures/node-requirements.ts';
import { RawProgram } from '../../fixtures/raw-program.ts';
import { SentryPod } from '../../fixtures/sentry-pod.ts';

type Argument = string | number | bigint | Uint8Array;
type Call = [name: string, ...args: Argument[]];

const here = -100;
const [O_WRONLY, O_RDWR, O_CREAT, O_EXCL, O_DIRECTORY, O_PATH] = [1, 2, 0o100, 0o200, 0o200000, 0o10000000];
const AT_SYMLINK_FOLLOW = 0x400;
const RENAME_NOREPLACE = 1;
const garbage = 0x7fff_ffffn << 32n;
const all = -1n;

/** In memory, numbers of 64 bits. */
function words(...values: (number | bigint)[]): Uint8Array {
  return Uint8Array.from(Buffer.from(BigInt64Array.from(values.map(BigInt)).buffer));
}

/** What each call is made on: `d` and `full` directories, `f` a file, `ld`, `lf` and `l0` links to `d`, `f` and nothing, `lslash` one to `new/`. */
function populate(directory: string): void {
  mkdirSync(directory);
  for (const name of ['d', 'full', 'full/inner']) mkdirSync(join(directory, name));
  writeFileSync(join(directory, 'f'), 'content');
  for (const [link, target] of [
    ['ld', 'd'],
    ['lf', 'f'],
    ['lfslash', 'f/'],
    ['l0', 'nothing'],
    ['lslash', 'new/'],
    ['lchain', 'ld'],
  ] as const)
    symlinkSync(target, join(directory, link));
}

const lastSteps = [
  'd/',
  'd/.',
  'd/..',
  'full/',
  'full/.',
  'full/inner/..',
  'f/',
  'f/.',
  'f/..',
  'ld/',
  'ld/.',
  'ld',
  'lf/',
  'l0/',
  'lfslash',
];
const odd = ['.', '..', './', '../', ...lastSteps, 'new/', 'new/.', 'new/..', 'lslash', 'lslash/', 'lchain/', 'lchain/.'];

/** Calls whose paths end in a slash or in dots. */
const pathCalls: Call[] = odd.flatMap((path): Call[] => [
  ['rmdir', path],
  ['unlink', path],
  ['rename', path, 'moved'],
  ['rename', 'f', path],
  ['rename', 'd', path],
  ['renameat2', here, 'full', here, path, RENAME_NOREPLACE],
  ['mkdir', path, 0o777],
  ['mknod', path, 0o100666, 0],
  ['symlink', 'f', path],
  ['link', path, 'linked'],
  ['link', 'f', path],
  ['linkat', here, path, here, 'linked', AT_SYMLINK_FOLLOW],
  ['open', path, 0, 0],
  ['open', path, O_RDWR, 0],
  ['open', path, O_DIRECTORY, 0],
  ['open', path, O_CREAT | O_WRONLY, 0o666],
  ['open', path, O_CREAT | O_EXCL | O_WRONLY, 0o666],
  ['access', path, 0],
  ['chmod', path, 0o700],
  ['chdir', path],
  ['truncate', path, 2],
]);

/** Calls whose arguments are at the ends of their types, or wider than these. */
const wideCalls: Call[] = [
  ['truncate', 'f', -1],
  ['truncate', 'missing', -1],
  ['truncate', 'f', 1n << 62n],
  ['truncate', 'f', (1n << 53n) + 1n],
  ['truncate', 'f', 1n - (1n << 63n)],
  ...[-1n, 1_000_000n, 999_999n, 1n << 60n].flatMap((fraction): Call[] => [
    ['utimes', 'f', words(1, fraction, 1, 0)],
    ['utimes', 'f', words(1, 0, 1, fraction)],
    ['futimesat', here, 'f', words(1, fraction, 1, 0)],
    ['utimensat', here, 'f', words(1, fraction, 1, 0), 0],
    ['utimensat', here, 'f', words(1, 0, 1, fraction), 0],
  ]),
  ['utimes', 'f', words(-5, 7, (1n << 33n) + 1n, 999_999)],
  ['utime', 'f', words(77, 78)],
  ['utime', 'f', words(-1, 1n << 33n)],
  ['utimensat', here, 'f', words(3, 999_999_999, 4, 1), 0],
  ['mknod', 'new', all, 0],
  ['mknod', 'new', 0o130644, 0],
  ['mknod', 'new', 0o040755, 0],
  ['mknod', 'new', garbage | 0o010644n, 0],
  ['mknod', 'new', garbage | 0o644n, 0],
  ['mkdir', 'new', all],
  ['mkdir', 'new', garbage | 0o750n],
  ['chmod', 'f', all],
  ['chmod', 'f', garbage | 0o604n],
  ['fchmodat', BigInt.asUintN(32, -100n), 'f', garbage | 0o640n],
  ['open', 'f', all, 0],
  ['open', 'd', all, 0],
  ['open', 'f', 0x8000_0000, 0],
  ['open', 'f', garbage | BigInt(O_RDWR), 0],
  ['open', 'd', O_PATH | O_RDWR, 0],
  ['open', 'new', O_PATH | O_CREAT, 0o666],
  ['open', 'new', garbage | 0x4000_0000n | BigInt(O_CREAT | O_RDWR), garbage | 0o642n],
  ['creat', 'new', all],
  ['creat', 'new', garbage | 0o600n],
  ['openat', garbage | 0xffff_ff9cn, 'f', 0, 0],
  ['openat', 1n << 31n, 'f', 0, 0],
  ['access', 'f', garbage | 4n],
  ['access', 'f', all],
  ['unlinkat', here, 'd', garbage | 0x200n],
  ['unlinkat', here, 'd', all],
  ['renameat2', here, 'f', here, 'new', all],
  ['linkat', here, 'f', here, 'new', all],
  ['linkat', here, 'lf', here, 'new', garbage | BigInt(AT_SYMLINK_FOLLOW)],
  ['fchownat', here, 'f', 1, 2, all],
  ['fchownat', here, 'lf', 1, 2, garbage | 0x100n],
  ['utimensat', here, 'f', words(1, 2, 3, 4), all],
  ['utimensat', here, 'f', words(1, 2, 3, 4), garbage],
  ['faccessat2', here, 'f', 4, all],
  ['faccessat2', here, 'f', 8, 0],
  ['newfstatat', here, 'f', 0, all],
  ['renameat2', here, 'f', here, 'd', garbage | 1n],
  ['lchown', 'f', 0xffff_ffffn, garbage | 12n],
  ['ioctl', 0, garbage | 0x5450n, 0],
  ['prctl', garbage | 3n, 0, 0, 0, 0],
];

describe('answers as Linux does', () => {
  let pod: SentryPod;
  let runs = 0;

  beforeAll(async () => {
    if (nodeMissing() === undefined) pod = await SentryPod.start();
  });
  beforeEach(skipIfMissing(nodeMissing));
  afterAll(() => pod?.stop());

  /** Makes calls, each in a directory of its own, under the Sentry and as a program of the host. */
  async function expectSame(calls: Call[]): Promise<void> {
    const run = `run-${runs++}`;
    const [linux, sentry] = ['linux', 'sentry'].map((side) => join(pod.volume, run, side)) as [string, string];
    for (const side of [linux, sentry]) {
      mkdirSync(side, { recursive: true });
      for (const number of calls.keys()) populate(join(side, String(number)));
    }
    const program = programOf(calls);
    const given = await pod.raw(program, `/volume/${run}/sentry`);
    const executable = join(pod.volume, `${run}.program`);
    writeFileSync(executable, program.build(), { mode: 0o755 });
    const expected = program.outcome(execFileSync(executable, { cwd: linux }));
    expect(given.exitCode).toBe(0);
    expect(byCall(calls, given.results, sentry)).toEqual(byCall(calls, expected.results, linux));
  }

  it('to paths that end in a slash, in . or in ..', () => expectSame(pathCalls), 60_000);

  it('to O_CREAT with O_DIRECTORY, as newer kernels do: EINVAL, and nothing is made', async () => {
    const program = new RawProgram();
    program.call('open', program.text('/tmp/neither'), O_CREAT | O_DIRECTORY, 0o777);
    program.call('access', program.text('/tmp/neither'), 0);
    expect((await pod.raw(program)).results).toEqual([-22, -2]);
  });

  it('to a link with a slash behind it, whatever the host has where it leads', async () => {
    // A directory of the host that the container has no path to.
    const outside = join(pod.volume, 'outside');
    populate(outside);
    symlinkSync(outside, join(pod.volume, 'out'));
    const program = new RawProgram();
    program.call('chdir', program.text('/volume'));
    const [out, file, made] = ['out/', 'outside/f', 'made'].map((path) => program.text(path)) as [number, number, number];
    program.call('mkdir', out, 0o777);
    program.call('rmdir', out);
    program.call('unlink', out);
    program.call('rename', out, made);
    program.call('rename', file, out);
    program.call('link', out, made);
    program.call('link', file, out);
    program.call('open', out, O_CREAT | O_WRONLY, 0o666);
    program.call('access', out, 0);
    const [EEXIST, ENOTDIR, ENOENT, EISDIR] = [-17, -20, -2, -21];
    expect((await pod.raw(program)).results.slice(1)).toEqual([EEXIST, ENOTDIR, ENOTDIR, ENOTDIR, ENOTDIR, ENOENT, EEXIST, EISDIR, ENOENT]);
  });

  it('to arguments that are negative, too large, or have something above an int', () => expectSame(wideCalls));
});

/** Where in a program's results those are that are compared. */
const [firstCall, callsEach, ownCall] = [1, 5, 2];

function programOf(calls: Call[]): RawProgram {
  const program = new RawProgram();
  program.call('umask', 0o22);
  for (const [number, [name, ...args]] of calls.entries()) {
    const place = program.text(String(number));
    const values = args.map((value) =>
      typeof value === 'string' ? program.text(value) : value instanceof Uint8Array ? program.bytes(value) : value,
    );
    const base = program.call('open', program.text('.'), O_DIRECTORY, 0);
    program.call('chdir', place);
    program.call(name, ...values);
    program.call('fchdir', base);
    program.call('close', base);
  }
  return program;
}

/** For each call: 0 or the errno; the files in its directory; and the times that it set. */
function byCall(calls: Call[], results: number[], directory: string): string[] {
  const files = filesBelow(directory);
  return calls.map(([name, ...args], number) => {
    const shown = args.map((value) => (value instanceof Uint8Array ? [...new BigInt64Array(value.buffer)].join(' ') : String(value)));
    const result = Math.min(results[firstCall + callsEach * number + ownCall] ?? 1, 0);
    const { atimeNs, mtimeNs } = statSync(join(directory, String(number), 'f'), { bigint: true, throwIfNoEntry: false }) ?? {};
    const times = name.includes('utime') && result === 0 ? `times ${atimeNs} ${mtimeNs}` : '';
    return [`${name}(${shown.join(', ')}) = ${result}`, times, ...(files.get(String(number)) ?? [])].join('\n');
  });
}

/** What is in each directory of a directory: type, mode, owner, number of links, length and target. */
function filesBelow(directory: string): Map<string, string[]> {
  const lines = execFileSync('find', ['.', '-mindepth', '1', '-printf', '%P %y %m %U:%G %n %s %l\n'], {
    cwd: directory,
    encoding: 'utf8',
    maxBuffer: 2 ** 24,
  }).split('\n');
  return Map.groupBy(lines.sort(), (line) => line.split(/[/ ]/, 1)[0] ?? '');
}
