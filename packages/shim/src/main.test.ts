import { existsSync } from 'node:fs';
import { mkdtemp, realpath, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '@berth/sdk/connect';
import { RuntimeServiceService } from '@berth/sdk/cri';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ShimProcess } from '../testing/shim-process.ts';

let directory: string;
let args: string[];
const started: ShimProcess[] = [];

beforeEach(async () => {
  directory = await realpath(await mkdtemp(join(tmpdir(), 'berth-main-')));
  args = ['--listen', `unix://${directory}/cri.sock`, '--root', join(directory, 'root'), '--run', join(directory, 'run')];
});

afterEach(async () => {
  for (const shim of started.splice(0)) {
    shim.kill('SIGKILL');
    await shim.ended();
  }
  await rm(directory, { recursive: true });
});

function start(more: string[] = [], env: Record<string, string> = {}): ShimProcess {
  const shim = new ShimProcess([...args, ...more], env);
  started.push(shim);
  return shim;
}

describe('runtimeMain', () => {
  it('serves, logs JSON on standard error alone, and is gone at SIGTERM without a trace of its socket and run directory', async () => {
    const shim = start();
    const serving = JSON.parse(await shim.printed(/"serving"/));
    expect(serving).toMatchObject({ name: 'process', version: { name: 'process', version: '1.2.3' } });
    const runtime = connect(RuntimeServiceService, `unix://${directory}/cri.sock`, { deadlineMs: 10_000 });
    expect(await runtime.version({ version: 'v1' })).toEqual({
      version: '0.1.0',
      runtimeName: 'process',
      runtimeVersion: '1.2.3',
      runtimeApiVersion: 'v1',
    });
    runtime.close();
    expect((await stat(join(directory, 'root'))).mode & 0o777).toBe(0o700);
    // A signal to the whole group comes twice, the second time by way of "berth runtime".
    shim.kill('SIGTERM');
    shim.kill('SIGINT');
    expect(await shim.ended()).toBe(0);
    expect(shim.stdout).toEqual([]);
    expect(existsSync(join(directory, 'cri.sock'))).toBe(false);
    expect(existsSync(join(directory, 'run'))).toBe(false);
  });

  it('ends with the node that supervises it, and not by a signal to the whole process group', async () => {
    const shim = start([], { BERTH_SUPERVISED: `${process.pid}` });
    await shim.printed(/"serving"/);
    shim.kill('SIGTERM');
    shim.kill('SIGINT');
    const runtime = connect(RuntimeServiceService, `unix://${directory}/cri.sock`, { deadlineMs: 10_000 });
    expect((await runtime.version({ version: 'v1' })).runtimeName).toBe('process');
    runtime.close();
    shim.endInput();
    expect(await shim.ended()).toBe(0);
  });

  it('ends also where its runtime holds something open', async () => {
    const shim = start([], { NODE_OPTIONS: '--import=data:text/javascript,setInterval(()=>{},1000)' });
    await shim.printed(/"serving"/);
    shim.kill('SIGTERM');
    expect(await shim.ended()).toBe(0);
  });

  it.each([
    [
      'a runtime that can not work here',
      [],
      { BERTH_TEST_FAULT: 'prepare:throws' },
      /^berth-runtime-process: runtime process: prepare is broken$/,
    ],
    ['a recovery that fails', [], { BERTH_TEST_FAULT: 'recover:throws' }, /^berth-runtime-process: runtime process: recover is broken$/],
    ['a root that is a file', ['--root', '/dev/null'], {}, /^berth-runtime-process: \/dev\/null: .*choose a directory/],
    ['an address that is none', ['--listen', 'nowhere'], {}, /^berth-runtime-process: .*nowhere/],
    [
      'a streaming server that others can reach without TLS',
      ['--streaming-address', '192.0.2.1:0'],
      {},
      /^berth-runtime-process: streaming address 192\.0\.2\.1:0: it is not on loopback/,
    ],
    [
      'a certificate without its key',
      ['--streaming-tls-cert-file', '/some/file'],
      {},
      /^berth-runtime-process: --streaming-tls-cert-file and --streaming-tls-private-key-file: one is given without the other/,
    ],
    [
      'a certificate that is not there',
      ['--streaming-tls-cert-file', '/no/tls.crt', '--streaming-tls-private-key-file', '/no/tls.key'],
      {},
      /^berth-runtime-process: \/no\/tls\.crt: /,
    ],
    ['an unknown flag', ['--frobnicate'], {}, /^error: unknown option '--frobnicate'/],
    ['a handler that is a path', ['--handler', '../x'], {}, /^error: .*'\.\.\/x' is invalid.*DNS label/],
    ['a level that is none', ['--log-level', 'loud'], {}, /^error: .*'loud' is invalid/],
  ])('says in one line that it can not start with %s', async (_what, more, env, line) => {
    const shim = start(more, env);
    expect(await shim.ended()).toBe(1);
    expect(shim.stderr.filter((text) => !text.startsWith('{'))).toEqual([expect.stringMatching(line)]);
  });

  it('asks for --listen', async () => {
    args = [];
    const shim = start();
    expect(await shim.ended()).toBe(1);
    expect(shim.stderr).toEqual([expect.stringMatching(/required option '--listen <endpoint>' not specified/)]);
  });

  it('refuses the state of a handler that another process serves, and takes it once that was killed', async (context) => {
    if (process.platform !== 'linux') return context.skip('state is locked on Linux only');
    const first = start();
    await first.printed(/"serving"/);
    const second = start(['--listen', `unix://${directory}/other.sock`]);
    expect(await second.ended()).toBe(1);
    expect(second.stderr).toEqual([expect.stringMatching(/state of process in .*: another process serves this handler/)]);
    first.kill('SIGKILL');
    await first.ended();
    await start().printed(/"serving"/);
  });

  it('waits for a shim whose node is gone to end, and then serves', async (context) => {
    if (process.platform !== 'linux') return context.skip('state is locked on Linux only');
    // Process 1 isn't its parent: to whoever looks it is an orphan.
    const first = start([], { BERTH_SUPERVISED: '1' });
    await first.printed(/"serving"/);
    const second = start();
    await second.printed(/"waiting for the shim of a node that is gone to end"/);
    first.endInput();
    expect(await first.ended()).toBe(0);
    await second.printed(/"serving"/);
  });
});
