import { chmod, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { delegateWithin, type PluginLoaders } from './delegate-within.ts';
import { cniPlugin } from './plugin.ts';
import { type ServedAnswer, type ServedRequest, type ServedStderr, serve } from './serve.ts';

const config = JSON.stringify({ cniVersion: '1.0.0', name: 'net', type: 'outer' });
const attachment = { CNI_CONTAINERID: 'c1', CNI_NETNS: '/run/netns/c1', CNI_IFNAME: 'eth0' };

const inner = cniPlugin({ add: ({ containerId }) => ({ ips: [{ address: `10.1.0.2/${containerId.length}` }] }), del: () => undefined });
const outer = cniPlugin({ add: (request) => request.delegate('inner').add(), del: () => undefined });
const waiting = cniPlugin({
  async add() {
    await new Promise((resolve) => setTimeout(resolve, 30));
    return {};
  },
  del: () => undefined,
});
const talking = cniPlugin({
  async add({ containerId }) {
    console.error('%s begins', containerId);
    await new Promise(setImmediate);
    console.log({ container: containerId });
    process.stderr.write(Buffer.from(`${containerId} ends\n`));
    if (containerId === 'noisy') process.stdout.write('noise');
    return {};
  },
  del: () => undefined,
});
const plugins: PluginLoaders = {
  inner: async () => inner,
  outer: async () => outer,
  waiting: async () => waiting,
  talking: async () => talking,
};

describe('serve', () => {
  let directory: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'berth-serve-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  async function answers(requests: Omit<ServedRequest, 'id'>[], program?: string): Promise<ServedAnswer[]> {
    return (await told(requests, program)).filter((line) => 'status' in line);
  }

  async function told(requests: Omit<ServedRequest, 'id'>[], program = process.execPath): Promise<(ServedAnswer | ServedStderr)[]> {
    const given: (ServedAnswer | ServedStderr)[] = [];
    const lines = (async function* () {
      for (const [id, request] of requests.entries()) yield JSON.stringify({ id, ...request });
    })();
    const write = (line: string): void => void given.push(JSON.parse(line));
    await serve(plugins, { delegate: delegateWithin(plugins, { program, served: true }), env: { CNI_PATH: directory }, lines, write });
    return given;
  }
  const add = (plugin: string, env: Record<string, string> = {}) => ({
    plugin,
    env: { CNI_COMMAND: 'ADD', ...attachment, ...env },
    stdin: config,
  });
  const result = ({ stdout }: ServedAnswer) => JSON.parse(stdout);

  it('answers each request as the plugin would be executed, failures too', async () => {
    const given = await answers([add('inner'), { ...add('inner'), stdin: '' }, add('nobody')]);
    const [good, bad, unknown] = given.toSorted((a, b) => a.id - b.id);
    expect(good).toMatchObject({ id: 0, status: 0 });
    expect(good && result(good)).toMatchObject({ cniVersion: '1.0.0', ips: [{ address: '10.1.0.2/2' }] });
    expect(bad).toMatchObject({ id: 1, status: 1 });
    expect(bad && result(bad)).toMatchObject({ code: 6 });
    expect(unknown).toEqual({ id: 2, stdout: '', status: 127 });
  });

  it('answers as soon as a plugin has ended, and all before it ends', async () => {
    expect((await answers([add('waiting'), add('inner')])).map(({ id }) => id)).toEqual([1, 0]);
  });

  it('tells what each call prints on standard error apart, as soon as it does', async () => {
    const lines = await told([add('talking'), add('talking', { CNI_CONTAINERID: 'c2' })]);
    const stderrOf = (id: number) => lines.flatMap((line) => (line.id === id && 'stderr' in line ? line.stderr : [])).join('');
    expect(stderrOf(0)).toBe("c1 begins\n{ container: 'c1' }\nc1 ends\n");
    expect(stderrOf(1)).toBe("c2 begins\n{ container: 'c2' }\nc2 ends\n");
    expect(lines.filter((line) => 'status' in line)).toMatchObject([
      { id: 0, status: 0 },
      { id: 1, status: 0 },
    ]);
  });

  it('has what a plugin prints on standard output itself before its result, as if it were executed', async () => {
    const [answer] = await answers([add('talking', { CNI_CONTAINERID: 'noisy' })]);
    expect(answer?.stdout).toBe('noise{"cniVersion":"1.0.0","dns":{}}');
  });

  it('delegates to a plugin of its own program without another execution', async () => {
    await writeFile(join(directory, 'program'), 'not to be executed');
    await chmod(join(directory, 'program'), 0o755);
    await symlink('program', join(directory, 'inner'));
    const [answer] = await answers([add('outer', { CNI_CONTAINERID: 'c12' })], join(directory, 'program'));
    expect(answer && result(answer)).toMatchObject({ ips: [{ address: '10.1.0.2/3' }] });
  });

  it('holds up no call by a plugin that another one delegates to', async () => {
    await writeFile(join(directory, 'inner'), `#!/bin/sh\nsleep 0.3\necho '{"cniVersion":"1.0.0","ips":[]}'\n`);
    await chmod(join(directory, 'inner'), 0o755);
    expect((await answers([add('outer'), add('waiting')])).map(({ id }) => id)).toEqual([1, 0]);
  });

  it("executes another program's plugin of that name", async () => {
    await writeFile(join(directory, 'inner'), `#!/bin/sh\necho '{"cniVersion":"1.0.0","ips":[{"address":"10.9.9.9/9"}]}'\n`);
    await chmod(join(directory, 'inner'), 0o755);
    const [answer] = await answers([add('outer')]);
    expect(answer && result(answer)).toMatchObject({ ips: [{ address: '10.9.9.9/9' }] });
  });
});
