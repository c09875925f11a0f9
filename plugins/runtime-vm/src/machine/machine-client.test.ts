import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { PluginError } from '@berth/sdk/errors';
import { MachineMonitorService } from '@berth/sdk/machine-monitor';
import { type Implementation, type Served, serve } from '@berth/sdk/serve';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MachineClient } from './machine-client.ts';
import { MachineDirectory } from './machine-directory.ts';

const signal = new AbortController().signal;
const reason = 'the guest has not answered for 10 s';

let directory: MachineDirectory;
let ended: PromiseWithResolvers<void>;
let served: Served;
let client: MachineClient;

beforeEach(async () => {
  directory = new MachineDirectory(mkdtempSync(join(tmpdir(), 'berth-client-')));
  ended = Promise.withResolvers();
  served = await serve(`unix://${directory.monitorSocket}`, [[MachineMonitorService, monitor()]]);
  client = new MachineClient(directory);
});

afterEach(async () => {
  client.close();
  ended.resolve();
  await served.close(0);
  rmSync(directory.path, { recursive: true });
});

/** Of a machine whose containers do nothing until it ends. */
function monitor(): Implementation<MachineMonitorService> {
  return {
    async *watch() {
      await ended.promise;
      yield { message: reason };
    },
    startContainer: async () => {
      await ended.promise;
      throw new PluginError('UNAVAILABLE', reason, { object: 'machine' });
    },
    signalContainer: async () => {
      throw new PluginError('NOT_FOUND', 'no such container', { object: 'machine' });
    },
    async *exec() {
      yield { event: { $case: 'started', value: { id: 'e' } } };
      await ended.promise;
    },
  };
}

function exec(): Promise<number> {
  const output = { stdout: new PassThrough(), stderr: new PassThrough() };
  return client.exec({ container: 'c', args: ['true'] }, 'container main', output, signal);
}

describe('a call under which the machine ends', () => {
  const calls = {
    exec,
    start: () => client.call('container main', signal, (machine) => machine.startContainer({ id: 'c' }, { signal })),
  };

  it.each(Object.entries(calls))('says why: %s', async (_name, call) => {
    const failed = expect(call()).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: `container main: its machine has ended: ${reason}`,
    });
    ended.resolve();
    await failed;
  });

  it.each(Object.entries(calls))(
    'says why also where the end was heard of first, and the connection closed for it: %s',
    async (_name, call) => {
      const failed = expect(call()).rejects.toThrow(`container main: its machine has ended: ${reason}`);
      const heard = client.endedUnasked().then(() => client.close());
      ended.resolve();
      await Promise.all([failed, heard]);
    },
  );

  it('says so where the machine was told to', async () => {
    const failed = expect(exec()).rejects.toThrow('container main: its machine has ended: it was stopped');
    client.close();
    await failed;
  });
});

describe('a call', () => {
  it('that fails otherwise says what the monitor says', async () => {
    const call = client.call('container main', signal, (machine) => machine.signalContainer({ id: 'c', number: 9 }, { signal }));
    await expect(call).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('that its caller gives up fails with that', async () => {
    const caller = new AbortController();
    const call = client.call('container main', caller.signal, (machine) => machine.startContainer({ id: 'c' }, { signal: caller.signal }));
    const failed = expect(call).rejects.toThrow('given up');
    caller.abort(new PluginError('CANCELLED', 'given up'));
    await failed;
  });
});
