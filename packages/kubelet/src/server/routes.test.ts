import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import type { Pod } from '@berth/api/objects';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isReady, podYaml, TestNode } from '../../testing/node.ts';

let node: TestNode;

beforeEach(async () => {
  node = await TestNode.create();
  await mkdir(join(node.root, 'manifests'));
  await mkdir(join(node.root, 'host-logs/sub dir'), { recursive: true });
  await writeFile(join(node.root, 'host-logs/syslog'), 'one line\n');
  await writeFile(join(node.root, 'host-logs/<b>'), '');
  await writeFile(join(node.root, 'secret'), 'hidden');
  await symlink(join(node.root, 'secret'), join(node.root, 'host-logs/leak'));
  await symlink('syslog', join(node.root, 'host-logs/alias'));
  node.replaceKubelet({ nodeLogDir: join(node.root, 'host-logs'), configuration: () => ({ maxPods: 110 }) });
  node.runtime.behaviours.set('main', { output: 'one\ntwo' });
  await node.write('manifests/a.yaml', podYaml('a', '  containers: [{name: main, image: "a:1"}]\n'));
  await node.kubelet.start();
  await node.until('a', isReady);
});

afterEach(() => node.remove());

/** With a body, which `get` of the node has none of. */
async function put(path: string, body: string): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const sent = request({ socketPath: node.socket, path, method: 'PUT' }, (response) => resolve(response.resume().statusCode ?? 0));
  sent.once('error', reject).end(body);
  return promise;
}

describe('GET /logs/', () => {
  it('lists a directory with a link each, and gives files', async () => {
    const { status, body } = await node.get('/logs/');
    expect(status).toBe(200);
    for (const link of ['<a href="syslog">syslog</a>', '<a href="sub%20dir/">sub dir/</a>', '<a href="%3Cb%3E">&lt;b&gt;</a>'])
      expect(body).toContain(link);
    expect(await node.get('/logs/syslog')).toEqual({ status: 200, body: 'one line\n' });
    expect((await node.get('/logs/alias')).body).toBe('one line\n');
    expect((await node.get('/logs/sub%20dir')).status).toBe(200);
  });

  it.each(['/logs/leak', '/logs/%2e%2e/secret', '/logs/sub%20dir/%2e%2e%2f%2e%2e%2fsecret', '/logs/none', '/logs/a%00b'])(
    '%s leads nowhere',
    async (path) => {
      const { status, body } = await node.get(path);
      expect(status).toBe(404);
      expect(body).not.toContain('hidden');
    },
  );

  it('refuses log queries', async () => {
    expect(await node.get('/logs/?query=kubelet')).toMatchObject({ status: 400, body: expect.stringContaining('enableSystemLogQuery') });
  });
});

it.each([
  ['/healthz?verbose', '[+]ping ok\n[+]log ok\n[+]syncloop ok\nhealthz check passed\n'],
  ['/healthz?verbose&exclude=log', '[+]ping ok\n[+]syncloop ok\nhealthz check passed\n'],
  ['/healthz/syncloop', 'ok'],
  ['/healthz/ping', 'ok'],
])('GET %s tells of the checks', async (path, body) => {
  expect(await node.get(path)).toEqual({ status: 200, body });
});

it('GET /configz shows the configuration in force', async () => {
  expect(JSON.parse((await node.get('/configz')).body)).toEqual({ kubeletconfig: { maxPods: 110 } });
});

it('GET /runningpods/ shows what the runtimes have', async () => {
  const { kind, items } = JSON.parse((await node.get('/runningpods/')).body);
  expect(kind).toBe('PodList');
  expect(items).toMatchObject([{ metadata: { name: 'a', namespace: 'default' }, spec: { containers: [{ name: 'main', image: 'a:1' }] } }]);
});

it('GET /runningpods/ leaves out containers that have ended', async () => {
  const [id] = node.runtime.containers.keys();
  node.runtime.exit('main', 1);
  await expect.poll(() => node.runtime.containers.size).toBe(2);
  expect(node.runtime.containers.has(id ?? '')).toBe(true);
  await node.until('a', isReady);
  const { items } = JSON.parse((await node.get('/runningpods/')).body);
  expect(items.map(({ spec }: Pod) => spec?.containers.map(({ name }) => name))).toEqual([['main']]);
});

it('PUT /debug/flags/v sets how much is logged', async () => {
  expect(await put('/debug/flags/v', '4')).toBe(200);
  expect(await put('/debug/flags/v', 'much')).toBe(400);
});

it('a session that asks for no upgrade is told so', async () => {
  expect(await node.get('/exec/default/a/main?command=true', { method: 'POST' })).toEqual({
    status: 400,
    body: 'Upgrade request required\n',
  });
});

describe('POST /checkpoint', () => {
  const post = { method: 'POST' };

  it.each([
    ['/checkpoint/default/b/main', 404, 'pod does not exist'],
    ['/checkpoint/default/a/side', 404, 'container side does not exist'],
    ['/checkpoint/default/a/main?timeout=soon', 404, 'cannot parse value of timeout parameter'],
    ['/checkpoint/default/a/main', 500, 'checkpointing of default/a/main failed ('],
  ])('%s is refused with %i', async (path, status, words) => {
    expect(await node.get(path, post)).toMatchObject({ status, body: expect.stringContaining(words) });
  });
});

describe('GET /containerLogs with the options of PodLogOptions', () => {
  it.each([
    ['limitBytes=5', 'one\nt'],
    ['sinceTime=2999-01-01T00:00:00Z', ''],
    ['sinceSeconds=3600', 'one\ntwo\n'],
    ['stream=Stderr', ''],
    ['stream=Stdout', 'one\ntwo\n'],
  ])('%s', async (query, body) => {
    expect(await node.get(`/containerLogs/default/a/main?${query}`)).toEqual({ status: 200, body });
  });

  it('timestamps', async () => {
    expect((await node.get('/containerLogs/default/a/main?timestamps=true')).body).toMatch(/^\d{4}-\S+Z one\n\d{4}-\S+Z two\n$/);
  });

  it.each([
    ['tailLines=-1', 'tailLines must be greater than or equal to 0'],
    ['limitBytes=0', 'limitBytes must be greater than or equal to 1'],
    ['sinceSeconds=1&sinceTime=2026-01-01T00:00:00Z', 'at most one of `sinceTime` or `sinceSeconds` may be specified'],
    ['sinceTime=yesterday', 'sinceTime must be a time of RFC 3339'],
    ['stream=Stdin', 'stream must be All, Stdout or Stderr'],
    ['stream=Stdout&tailLines=1', '`tailLines` and specific `stream` are mutually exclusive for now'],
  ])('%s is refused', async (query, words) => {
    expect(await node.get(`/containerLogs/default/a/main?${query}`)).toMatchObject({ status: 400, body: expect.stringContaining(words) });
  });
});
