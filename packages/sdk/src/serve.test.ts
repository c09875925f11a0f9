import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Client, connect } from './connect.ts';
import {
  ContainerEventResponse,
  GetEventsRequest,
  RuntimeServiceService,
  StopContainerRequest,
  VersionRequest,
  VersionResponse,
} from './gen/cri.ts';
import { type Implementation, type Served, serve } from './serve.ts';

type Runtime = Implementation<RuntimeServiceService>;

let directory: string;
let undo: (() => Promise<void> | void)[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'berth-serve-'));
  undo = [() => rm(directory, { recursive: true, force: true })];
});

afterEach(async () => {
  for (const step of undo.reverse()) await step();
});

const answer = VersionResponse.create({ version: 'v1' });

async function plugin(address: string, implementation: Runtime = { version: () => answer }): Promise<Served> {
  const served = await serve(address, [[RuntimeServiceService, implementation]]);
  undo.push(() => served.close(0));
  return served;
}

function client(address: string): Client<RuntimeServiceService> {
  const made = connect(RuntimeServiceService, address);
  undo.push(() => made.close());
  return made;
}

const permissions = async (path: string) => ((await stat(path)).mode & 0o777).toString(8);

/** What a plugin leaves behind that is killed: a socket file that nobody listens on. */
async function leaveStaleSocket(path: string): Promise<void> {
  const child = spawn(process.execPath, ['-e', `require('net').createServer().listen(${JSON.stringify(path)}, () => console.log('up'))`]);
  await once(child.stdout, 'data');
  child.kill('SIGKILL');
  await once(child, 'exit');
}

describe('the socket file', () => {
  it('is its owner’s alone, and so is the directory made for it', async () => {
    const path = join(directory, 'run', 'berth', 'plugin.sock');
    await plugin(`unix://${path}`);
    expect(await permissions(path)).toBe('600');
    expect(await permissions(join(directory, 'run', 'berth'))).toBe('700');
    expect(await permissions(join(directory, 'run'))).toBe('700');
  });

  it('leaves the mode of a directory that was there', async () => {
    const shared = join(directory, 'shared');
    await mkdir(shared);
    await chmod(shared, 0o755);
    await plugin(`unix://${shared}/plugin.sock`);
    expect(await permissions(shared)).toBe('755');
  });

  it('replaces one that a killed plugin left', async () => {
    const path = join(directory, 'plugin.sock');
    await leaveStaleSocket(path);
    await plugin(`unix://${path}`);
    expect(await client(`unix://${path}`).version(VersionRequest.create())).toEqual(answer);
  });

  it('refuses one that another server listens on, which goes on', async () => {
    const address = `unix://${directory}/plugin.sock`;
    await plugin(address);
    await expect(serve(address, [])).rejects.toMatchObject({
      code: 'ALREADY_EXISTS',
      message: `socket ${directory}/plugin.sock: another server listens on it; stop that one or choose another path`,
    });
    expect(await client(address).version(VersionRequest.create())).toEqual(answer);
  });

  it('refuses a file that is no socket, and keeps it', async () => {
    const path = join(directory, 'plugin.sock');
    await writeFile(path, 'precious');
    await expect(serve(`unix://${path}`, [])).rejects.toMatchObject({
      code: 'ALREADY_EXISTS',
      message: expect.stringContaining('no socket'),
    });
    expect((await stat(path)).size).toBe(8);
  });

  it('refuses a path longer than the kernel takes, with both lengths', async () => {
    const path = `/${'x'.repeat(107)}`;
    await expect(serve(`unix://${path}`, [])).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringMatching(/108 bytes.*107/),
    });
  });

  it('serves at the longest path that the kernel takes', async () => {
    const path = `${directory}/${'x'.repeat(107 - directory.length - 1)}`;
    await plugin(`unix://${path}`);
    expect(await client(`unix://${path}`).version(VersionRequest.create())).toEqual(answer);
  });

  it('goes when the server closes', async () => {
    const served = await plugin(`unix://${directory}/plugin.sock`);
    await served.close();
    expect(await readdir(directory)).toEqual([]);
  });

  it('stays when it is a successor’s', async () => {
    const path = join(directory, 'plugin.sock');
    const first = await plugin(`unix://${path}`);
    await rm(path);
    await plugin(`unix://${path}`);
    await first.close();
    expect(await client(`unix://${path}`).version(VersionRequest.create())).toEqual(answer);
  });

  it('says who is in the way of a TCP port', async () => {
    const { address } = await plugin('127.0.0.1:0');
    await expect(serve(address, [])).rejects.toMatchObject({ code: 'ALREADY_EXISTS', message: expect.stringContaining(address) });
  });
});

describe('closing', () => {
  const stop = StopContainerRequest.create();

  /** A call that runs until it is told to end, and says why it was aborted. */
  function heldCall() {
    const entered = Promise.withResolvers<void>();
    const finish = Promise.withResolvers<void>();
    const aborted = Promise.withResolvers<unknown>();
    const implementation: Runtime = {
      async stopContainer(_request, { signal }) {
        signal.addEventListener('abort', () => aborted.resolve(signal.reason));
        entered.resolve();
        await finish.promise;
        return {};
      },
    };
    return { entered: entered.promise, finish: finish.resolve, aborted: aborted.promise, implementation };
  }

  it('lets a running call finish, and takes no new ones', async () => {
    const address = `unix://${directory}/plugin.sock`;
    const held = heldCall();
    const served = await plugin(address, held.implementation);
    const answered = expect(client(address).stopContainer(stop)).resolves.toEqual({});
    await held.entered;
    const closed = served.close();
    await expect(client(address).version(VersionRequest.create())).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    held.finish();
    await answered;
    await closed;
  });

  it('cancels what runs when the grace is over', async () => {
    const address = `unix://${directory}/plugin.sock`;
    const held = heldCall();
    const served = await plugin(address, held.implementation);
    const answered = client(address).stopContainer(stop);
    const failed = expect(answered).rejects.toMatchObject({ name: 'PluginError' });
    await held.entered;
    await served.close(20);
    expect(await held.aborted).toMatchObject({ code: 'UNAVAILABLE' });
    await failed;
    held.finish();
  });

  it('ends streams at once, so that a watcher does not use up the grace', async () => {
    const address = `unix://${directory}/plugin.sock`;
    const served = await plugin(address, {
      async *getContainerEvents(_request, { signal }) {
        yield ContainerEventResponse.create();
        await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
      },
    });
    const events = client(address).getContainerEvents(GetEventsRequest.create())[Symbol.asyncIterator]();
    await events.next();
    const next = expect(events.next()).rejects.toMatchObject({ code: 'UNAVAILABLE', message: expect.stringContaining('shutting down') });
    const startedAt = performance.now();
    await served.close(60_000);
    expect(performance.now() - startedAt).toBeLessThan(5000);
    await next;
  });

  it('is what the signal does, and may be asked for twice', async () => {
    const path = join(directory, 'plugin.sock');
    const abort = new AbortController();
    const served = await serve(`unix://${path}`, [], { signal: abort.signal });
    abort.abort();
    await served.close();
    await served.close();
    expect(await readdir(directory)).toEqual([]);
  });

  it('leaves nothing that keeps the process alive', async () => {
    const program = `
      import { serve } from '@berth/sdk/serve';
      import { connect } from '@berth/sdk/connect';
      import { RuntimeServiceService } from '@berth/sdk/cri';
      const address = ${JSON.stringify(`unix://${directory}/plugin.sock`)};
      const served = await serve(address, [[RuntimeServiceService, { version: () => ({ version: '', runtimeName: '', runtimeVersion: '', runtimeApiVersion: '' }) }]]);
      const client = connect(RuntimeServiceService, address);
      await client.version({ version: '' });
      client.close();
      await served.close();`;
    const child = spawn(process.execPath, ['--conditions=berth-source', '--input-type=module', '-e', program], {
      cwd: import.meta.dirname,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    expect(await once(child, 'exit')).toEqual([0, null]);
  });
});

describe('an implementation', () => {
  it('keeps its this', async () => {
    const address = `unix://${directory}/plugin.sock`;
    class Author {
      readonly name = 'author';
      version(): VersionResponse {
        return { ...answer, runtimeName: this.name };
      }
    }
    await plugin(address, new Author());
    expect((await client(address).version(VersionRequest.create())).runtimeName).toBe('author');
  });

  it('gets no message larger than the server takes', async () => {
    const address = `unix://${directory}/plugin.sock`;
    const served = await serve(address, [[RuntimeServiceService, { version: () => answer }]], { maxMessageBytes: 1000 });
    undo.push(() => served.close(0));
    await expect(client(address).version({ version: 'x'.repeat(2000) })).rejects.toMatchObject({ code: 'RESOURCE_EXHAUSTED' });
  });
});

describe('a method that is left out', () => {
  it('answers UNIMPLEMENTED, a stream too, and the server goes on', async () => {
    const address = `unix://${join(directory, 'plugin.sock')}`;
    await plugin(address);
    const { getContainerEvents, stopContainer, version } = client(address);
    await expect(stopContainer(StopContainerRequest.create({}))).rejects.toMatchObject({ code: 'UNIMPLEMENTED' });
    const events = getContainerEvents(GetEventsRequest.create({}))[Symbol.asyncIterator]();
    await expect(events.next()).rejects.toMatchObject({ code: 'UNIMPLEMENTED' });
    expect((await version(VersionRequest.create({}))).version).toBe('v1');
  });
});
