import { existsSync, mkdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { PluginError } from '@berth/sdk/errors';
import { ContainerState, CreateContainerRequest, type MachineMonitorService } from '@berth/sdk/machine-monitor';
import type { CallContext, Implementation } from '@berth/sdk/serve';
import { ExitFiles } from '@berth/shim/oci/exit-files';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GuestAgent } from '../../testing/guest-agent.ts';
import { MachineMonitor } from './machine-monitor.ts';

let agent: GuestAgent;
let ended: PromiseWithResolvers<string | undefined>;
let service: Required<Implementation<MachineMonitorService>>;
let exitDirectory: string;

beforeEach(async () => {
  agent = await GuestAgent.connect();
  ended = Promise.withResolvers();
  exitDirectory = join(agent.directory, 'exits');
  mkdirSync(exitDirectory);
  const monitor = new MachineMonitor({ guest: agent.connection, ended: ended.promise }, new ExitFiles(exitDirectory));
  service = monitor.implementation(async () => undefined) as typeof service;
});

afterEach(() => agent.close());

const context = (signal = new AbortController().signal): CallContext => ({ signal, deadline: undefined });

function request(fields: Partial<CreateContainerRequest> = {}): CreateContainerRequest {
  return CreateContainerRequest.create({ id: 'c', logPath: join(agent.directory, 'main.log'), ...fields });
}

async function created(fields: Partial<CreateContainerRequest> = {}): Promise<void> {
  const call = service.createContainer(request(fields), context());
  await expect.poll(() => agent.calls.at(-1)).toBe('createContainer');
  agent.answer('createContainer');
  await call;
}

async function toTheEnd(messages: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of messages);
}

describe('CreateContainer', () => {
  it('that its caller gives up is taken back in the guest before the container can be removed again', async () => {
    const caller = new AbortController();
    const create = Promise.resolve(service.createContainer(request(), context(caller.signal)));
    const refused = expect(create).rejects.toThrow('given up');
    await expect.poll(() => agent.calls).toEqual(['createContainer']);
    caller.abort(new PluginError('CANCELLED', 'given up'));
    const removed = service.removeContainer({ id: 'c' }, context());
    await expect.poll(() => agent.calls).toEqual(['createContainer', 'removeContainer']);
    agent.answer('removeContainer');
    await refused;
    await removed;
    expect(agent.calls).toEqual(['createContainer', 'removeContainer']);
    expect(service.status({}, context())).toEqual({ containers: {} });
  });

  it('that is given up while its log is opened makes nothing in the guest', async () => {
    const caller = new AbortController();
    const create = Promise.resolve(service.createContainer(request(), context(caller.signal)));
    const refused = expect(create).rejects.toThrow('given up');
    caller.abort(new PluginError('CANCELLED', 'given up'));
    const removed = service.removeContainer({ id: 'c' }, context());
    await expect.poll(() => agent.calls).toContain('removeContainer');
    agent.answer('removeContainer');
    await refused;
    await removed;
    expect(agent.calls).not.toContain('createContainer');
  });
});

describe('the end of a container', () => {
  it('is told by its exit file also where the disk was full before, and its OOM file still is', async () => {
    await created({ oomFile: join(agent.directory, 'nowhere', 'oom') });
    // A folder in the exit file's place stands for a disk that takes nothing.
    mkdirSync(join(exitDirectory, '.c'));
    agent.say({ $case: 'exited', value: { process: 'c', exitCode: 3, oom: true } });
    await expect.poll(() => service.status({}, context())).toEqual({ containers: { c: ContainerState.CONTAINER_STATE_EXITED } });
    rmdirSync(join(exitDirectory, '.c'));
    await expect.poll(() => existsSync(join(exitDirectory, 'c')), { timeout: 5000 }).toBe(true);
    expect(readFileSync(join(exitDirectory, 'c'), 'utf8')).toBe('3');
    expect(agent.failures).toEqual([]);
  });
});

describe('Exec', () => {
  it('ends with why the machine has ended', async () => {
    const read = expect(toTheEnd(service.exec({ container: 'c', args: ['true'], stdin: false }, context()))).rejects.toThrow(
      'machine: QEMU was killed',
    );
    await expect.poll(() => agent.calls).toEqual(['startExec']);
    agent.answer('startExec');
    ended.resolve('QEMU was killed');
    await expect.poll(() => agent.calls).toEqual(['startExec', 'signal']);
    agent.answer('signal');
    await read;
  });
});

describe('Write', () => {
  it('waits for a process that reads late, and no longer than its caller', async () => {
    const caller = new AbortController();
    const write = Promise.resolve(service.write({ process: 'c', data: Buffer.from('x'), end: false }, context(caller.signal)));
    const refused = expect(write).rejects.toThrow('given up');
    await expect.poll(() => agent.calls).toEqual(['write']);
    caller.abort(new PluginError('CANCELLED', 'given up'));
    await refused;
  });
});

describe('Attach', () => {
  it('ends with why the machine has ended', async () => {
    await created();
    const read = expect(toTheEnd(service.attach({ container: 'c' }, context()))).rejects.toThrow('machine: QEMU was killed');
    ended.resolve('QEMU was killed');
    await read;
  });
});

describe('Watch', () => {
  it('ends with its caller', async () => {
    const caller = new AbortController();
    const watching = toTheEnd(service.watch({}, context(caller.signal)));
    caller.abort(new PluginError('CANCELLED', 'given up'));
    await expect(watching).rejects.toThrow('given up');
  });
});
