import { mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Stream } from '@berth/sdk/guest';
import { ContainerLog } from '@berth/shim/container-log';
import { ExitFiles } from '@berth/shim/oci/exit-files';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GuestAgent } from '../../testing/guest-agent.ts';
import { ContainerProcess } from './container-process.ts';

let directory: string;
let container: ContainerProcess;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'berth-container-'));
  const exits = new ExitFiles(join(directory, 'exits'));
  await exits.open(() => undefined);
  container = new ContainerProcess({ id: 'c', log: await ContainerLog.open(''), exits, oomFile: join(directory, 'oom') });
});

afterEach(() => rmSync(directory, { recursive: true }));

function print(text: string): Promise<void> {
  return container.output(Stream.STREAM_STDOUT, Buffer.from(text));
}

describe('attach', () => {
  it('gives what is printed from then on, and the exit code', async () => {
    await print('before');
    const attached = container.attach([]);
    const first = attached.next();
    const printed = print('after');
    expect((await first).value).toEqual({ $case: 'stdout', value: Buffer.from('after') });
    const last = attached.next();
    await printed;
    await container.exited({ process: 'c', exitCode: 7, oom: false });
    expect((await last).value).toEqual({ $case: 'exitCode', value: 7 });
    expect((await attached.next()).done).toBe(true);
  });

  it('doesn’t hold up a container after the client has left', async () => {
    const attached = container.attach([]);
    const first = attached.next();
    const printed = print('one');
    await first;
    const unread = print('two');
    await attached.return(undefined);
    await Promise.all([printed, unread, print('three')]);
  });

  it('by a client that takes nothing keeps neither the log nor the end from being written', async () => {
    const log = await ContainerLog.open(join(directory, 'log'));
    const exits = new ExitFiles(join(directory, 'exits'));
    container = new ContainerProcess({ id: 'c', log, exits, oomFile: join(directory, 'oom') });
    const agent = await GuestAgent.connect();
    agent.connection.route('c', container);
    const attached = container.attach([]);
    const first = attached.next();
    for (const text of ['one\n', 'two\n', 'three\n']) {
      agent.say({ $case: 'output', value: { process: 'c', stream: Stream.STREAM_STDOUT, data: Buffer.from(text) } });
    }
    agent.say({ $case: 'exited', value: { process: 'c', exitCode: 5, oom: false } });
    await expect.poll(() => exits.read('c')).toMatchObject({ exitCode: 5 });
    expect((await readFile(join(directory, 'log'), 'utf8')).match(/stdout F (.*)/g)).toHaveLength(3);
    const printed = [await first, await attached.next(), await attached.next(), await attached.next()].map(({ value }) => value);
    expect(printed.map((event) => event?.value).map(String)).toEqual(['one\n', 'two\n', 'three\n', '5']);
    await attached.return(undefined);
    await agent.close();
  });

  it('to a container that has ended is over at once', async () => {
    await container.exited({ process: 'c', exitCode: 0, oom: false });
    expect((await container.attach([]).next()).done).toBe(true);
  });
});
