import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { IpamStub, installStub, stubName } from './ipam-stub.ts';

describe.skipIf(process.platform === 'win32')('IpamStub', () => {
  let directory: string;
  let executable: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'berth-ipam-stub-'));
    executable = installStub(directory);
  });
  afterAll(() => rm(directory, { recursive: true }));

  async function call(stub: IpamStub, verb: string): Promise<string> {
    const called = promisify(execFile)(join(stub.directory, stubName), [], { env: { CNI_COMMAND: verb } });
    called.child.stdin?.end('{"name":"net"}');
    return (await called).stdout;
  }

  it('records what it is called with, and answers what it is told to', async () => {
    const stub = new IpamStub(executable, directory);
    stub.gives('1.0.0', ['10.89.5.20/24']);
    expect(JSON.parse(await call(stub, 'ADD'))).toMatchObject({ ips: [{ address: '10.89.5.20/24', gateway: '10.89.5.1' }] });
    expect(stub.calls()).toEqual([{ verb: 'ADD', env: { CNI_COMMAND: 'ADD' }, stdin: { name: 'net' } }]);
  });

  it('tells of its first call', async () => {
    const stub = new IpamStub(executable, directory);
    const called = stub.called(new AbortController().signal);
    await call(stub, 'ADD');
    await called;
  });

  it('waits for no call once it is told so', async () => {
    const over = new AbortController();
    const called = new IpamStub(executable, directory).called(over.signal);
    over.abort();
    await expect(called).rejects.toThrow('the plugin has not called IPAM');
    await expect(new IpamStub(executable, directory).called(over.signal)).rejects.toThrow('the plugin has not called IPAM');
  });
});
