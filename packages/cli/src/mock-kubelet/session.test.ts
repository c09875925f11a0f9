import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { devicePlugin } from '@berth/sdk/device';
import { MockKubelet } from '@berth/sdk/mock-kubelet';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Session, type SessionOutput } from './session.ts';

const resource = 'vendor.example/thing';

let directory: string;
let kubelet: MockKubelet;
let stop: AbortController;
let running: Promise<void>;
let printed: string[];
let complaints: string[];

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'berth-session-'));
  [printed, complaints] = [[], []];
  kubelet = new MockKubelet({ directory });
  await kubelet.start();
  stop = new AbortController();
  const plugin = devicePlugin({
    resourceName: resource,
    async *list(signal) {
      yield [{ id: '0', numaNodes: [1] }, { id: '1' }, { id: 'b\u202e[2J', healthy: false }];
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
    },
    allocate: (ids) => ({
      envs: { THINGS: ids.join() },
      mounts: [{ hostPath: '/etc', containerPath: '/host', readOnly: true }],
      devices: [{ hostPath: '/dev/null' }],
      annotations: { thing: 'yes' },
      cdiDevices: ['vendor.example/thing=0'],
    }),
    preStart: () => undefined,
  });
  running = plugin.run({ directory: join(directory, 'device-plugins'), signal: stop.signal, log: () => undefined });
  await kubelet.waitFor(({ resources }) => resources().get(resource)?.devices.length);
});

afterEach(async () => {
  stop.abort();
  await running;
  await kubelet.stop();
  rmSync(directory, { recursive: true });
});

function session(output: SessionOutput = 'text', signal = new AbortController().signal): Session {
  const print = (line: string) => void printed.push(line);
  const complain = (line: string) => void complaints.push(stripVTControlCharacters(line));
  return new Session({ kubelet, output, signal, waitMs: 5000, print, complain });
}

/** Takes the lines one after the other, and gives what became of the last. */
async function take(...lines: string[]): Promise<string> {
  const taking = session();
  let came = '';
  for (const line of lines) came = await taking.take(line);
  return came;
}

describe('a command', () => {
  it.each<[line: string, printed: (string | RegExp)[]]>([
    [
      'resources',
      [
        'RESOURCE               PLUGIN   DEVICE       HEALTH      NUMA   CONTAINER',
        'vendor.example/thing   there    0            Healthy     1      -',
        'vendor.example/thing   there    1            Healthy     -      -',
        'vendor.example/thing   there    b\\u202e[2J   Unhealthy   -      -',
      ],
    ],
    ['drivers', ['no CSI driver has registered']],
    [
      `allocate ${resource} 1`,
      [
        'container-1 has vendor.example/thing 0',
        '  env         THINGS=0',
        '  mount       /etc on /host, read-only',
        '  device      /dev/null as /dev/null (rw)',
        '  annotation  thing=yes',
        '  CDI device  vendor.example/thing=0',
      ],
    ],
    [`wait ${resource} 2`, ['2 healthy of vendor.example/thing: there']],
    ['', []],
    ['# a remark', []],
    ['help', expect.arrayContaining([expect.stringMatching(/^allocate RESOURCE COUNT/), expect.stringMatching(/^quit +ends/)])],
  ])('%s', async (line, expected) => {
    expect(await take(line)).toBe('done');
    expect(printed).toEqual(expected);
  });

  it.each<[what: string, words: string, ids: string[]]>([
    ['by a count', '2', ['0', '1']],
    ['by ids', '0 1', ['0', '1']],
    ['by one id that is a number', 'ids 1', ['1']],
  ])('allocates %s', async (_what, words, ids) => {
    expect(await take(`allocate ${resource} ${words}`)).toBe('done');
    expect(kubelet.allocated()).toMatchObject([{ ids }]);
  });

  it('readies and frees what was allocated', async () => {
    expect(await take(`allocate ${resource} 2`, `prestart ${resource} 0 1`, 'free container-1', `allocate ${resource} 1`, 'free all')).toBe(
      'done',
    );
    expect(printed).toContain('vendor.example/thing 0 1 ready for a start');
    expect(printed).toContain('container-1 has given back vendor.example/thing 0 1');
    expect(printed.at(-1)).toBe('container-2 has given back vendor.example/thing 0');
    expect(kubelet.allocated()).toEqual([]);
  });

  it('stops, starts and restarts the kubelet', async () => {
    expect(await take('stop', `wait ${resource} 0`)).toBe('done');
    expect(await take('start', `wait ${resource} 2`)).toBe('done');
    expect(await take('restart', `wait ${resource} 2`)).toBe('done');
  });

  it.each<[line: string, complaint: RegExp]>([
    ['alocate', /^failed alocate: there is no such command; write one of resources, .*, quit$/],
    ['toString', /there is no such command/],
    ['allocate', /^failed allocate: it lacks a name; write allocate RESOURCE COUNT/],
    [`allocate ${resource}`, /no device is named; name each device once/],
    [`allocate ${resource} 9`, /9 wanted, 2 free/],
    ['free nobody', /container nobody: it has no devices/],
    ['free', /free: it lacks a name; write free CONTAINER/],
    [`wait ${resource} many`, /many is no number of devices; write wait vendor\.example\/thing 1/],
    ['start', /it runs already/],
  ])('that fails says so: %s', async (line, complaint) => {
    expect(await take(line)).toBe('failed');
    expect([printed, complaints]).toEqual([[], [expect.stringMatching(complaint)]]);
  });

  it('is the last one where it is quit, and where the session is to end', async () => {
    expect(await take('quit')).toBe('quit');
    const ending = new AbortController();
    const waiting = session('text', ending.signal).take('wait driver.example');
    ending.abort();
    expect([await waiting, complaints]).toEqual(['quit', []]);
  });
});

describe('answers as JSON', () => {
  it('have the command, and its result or its error, in one line', async () => {
    const json = session('json');
    await json.take(` allocate ${resource} 1`);
    await json.take('nonsense');
    const result = { container: 'container-1', resource, ids: ['0'], response: { envs: { THINGS: '0' } } };
    const error = { code: 'INVALID_ARGUMENT', message: expect.stringMatching(/^nonsense: there is no such command/) };
    expect(printed.map((line) => JSON.parse(line))).toMatchObject([
      { command: `allocate ${resource} 1`, result },
      { command: 'nonsense', error },
    ]);
    expect(complaints).toEqual([]);
  });
});
