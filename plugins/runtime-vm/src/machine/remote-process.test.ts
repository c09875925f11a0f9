import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { type Client, connect } from '@berth/sdk/connect';
import { PluginError } from '@berth/sdk/errors';
import { MachineMonitorService, type WriteRequest } from '@berth/sdk/machine-monitor';
import { type Implementation, type Served, serve } from '@berth/sdk/serve';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { attachInMachine, execInMachine } from './remote-process.ts';

let directory: string;
let served: Served;
let monitor: Client<MachineMonitorService>;
let written: WriteRequest[];
let signals: unknown[];
/** Resolved with its exit code when the process has ended. */
let ended: PromiseWithResolvers<number>;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'berth-remote-'));
  [written, signals, ended] = [[], [], Promise.withResolvers()];
  const address = `unix://${join(directory, 'socket')}`;
  served = await serve(address, [[MachineMonitorService, implementation()]]);
  monitor = connect(MachineMonitorService, address);
});

afterEach(async () => {
  monitor.close();
  ended.resolve(0);
  await served.close(0);
  rmSync(directory, { recursive: true });
});

/** Of a process that prints the input which it got, at its end. */
function implementation(): Implementation<MachineMonitorService> {
  async function* process() {
    const exitCode = await ended.promise;
    for (const { data } of written) yield { event: { $case: 'stdout' as const, value: Buffer.from(data) } };
    yield { event: { $case: 'exitCode' as const, value: exitCode } };
  }
  return {
    async *exec() {
      yield { event: { $case: 'started', value: { id: 'e' } } };
      yield* process();
    },
    attach: process,
    write: async (request) => {
      written.push(request);
      if (request.end) ended.resolve(3);
      return {};
    },
    signalContainer: async (request) => {
      signals.push(request);
      return {};
    },
  };
}

function streams(): { stdin: PassThrough; stdout: PassThrough; stderr: PassThrough } {
  return { stdin: new PassThrough(), stdout: new PassThrough(), stderr: new PassThrough() };
}

const command = { container: 'c', args: ['cat'] };

describe('execInMachine', () => {
  it('brings the input, its end, and gives what was printed and the exit code', async () => {
    const client = streams();
    const exec = execInMachine(monitor, command, client, new AbortController().signal);
    client.stdin.end('hello');
    expect(await exec).toBe(3);
    expect(await text(client.stdout.end())).toBe('hello');
    expect(written.map(({ process, end }) => ({ process, end }))).toEqual([
      { process: 'e', end: false },
      { process: 'e', end: true },
    ]);
  });

  it('that is given up kills the process, and ends with that', async () => {
    const caller = new AbortController();
    let isOver = false;
    const exec = execInMachine(monitor, command, streams(), caller.signal).finally(() => {
      isOver = true;
    });
    const failed = expect(exec).rejects.toThrow('given up');
    caller.abort(new PluginError('CANCELLED', 'given up'));
    await expect.poll(() => signals).toEqual([{ id: 'e', number: 9 }]);
    expect(isOver).toBe(false);
    ended.resolve(137);
    await failed;
  });
});

describe('attachInMachine', () => {
  it.each([
    ['ends the input with that of the client where it is to', true, [false, true]],
    ['leaves the input open otherwise', false, [false]],
  ])('%s', async (_title, endsInput, ends) => {
    const client = streams();
    const attach = attachInMachine(monitor, { container: 'c', endsInput }, client, new AbortController().signal);
    client.stdin.end('hello');
    await expect.poll(() => written.map(({ end }) => end)).toEqual(ends);
    ended.resolve(0);
    await attach;
    expect(await text(client.stdout.end())).toBe('hello');
  });
});
