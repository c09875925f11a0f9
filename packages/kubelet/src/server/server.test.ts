import { mkdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { isReady, podYaml, TestNode } from '../../testing/node.ts';
import type { Kubelet } from '../kubelet.ts';

let node: TestNode;

beforeEach(async () => {
  node = await TestNode.create();
  await mkdir(join(node.root, 'manifests'));
  node.runtime.behaviours.set('main', { output: 'one\ntwo' });
  await node.write('manifests/a.yaml', podYaml('a', '  containers: [{name: main, image: "a:1"}]\n'));
  await node.kubelet.start();
  await node.until('a', isReady);
});

afterEach(() => node.remove());

it('the socket is for its owner alone', async () => {
  expect((await stat(node.socket)).mode & 0o777).toBe(0o600);
});

it('GET /healthz says ok', async () => {
  expect(await node.get('/healthz')).toEqual({ status: 200, body: 'ok' });
});

it('GET /pods lists pods with spec and status', async () => {
  const { kind, items } = JSON.parse((await node.get('/pods')).body);
  expect([kind, items]).toMatchObject(['PodList', [{ metadata: { name: 'a' }, spec: { nodeName: 'node' }, status: { phase: 'Running' } }]]);
});

it('GET /events lists what happened, with the standard reasons', async () => {
  const { items } = JSON.parse((await node.get('/events')).body);
  const ofPods = items.filter(({ involvedObject }: { involvedObject: { kind: string } }) => involvedObject.kind === 'Pod');
  expect(ofPods.map(({ reason }: { reason: string }) => reason)).toEqual(['Pulling', 'Pulled', 'Created', 'Started']);
});

it('GET /trace gives every call that made the pod, in one trace', async () => {
  const { records, sandboxIds } = JSON.parse((await node.get('/trace/default/a')).body);
  expect(records.map(({ method, subject }: { method: string; subject?: string }) => `${method} ${subject}`)).toEqual([
    'RunPodSandbox a',
    'ImageStatus a:1',
    'PullImage a:1',
    'ImageStatus a:1',
    'CreateContainer main',
    'StartContainer main',
  ]);
  expect(new Set(records.map(({ traceId }: { traceId: string }) => traceId)).size).toBe(1);
  expect(records[0]).toMatchObject({ plugin: 'timer', protocol: 'cri', outcome: 'OK', sandboxId: sandboxIds[0] });
});

it('GET /containerLogs gives what the container wrote', async () => {
  expect(await node.get('/containerLogs/default/a/main')).toEqual({ status: 200, body: 'one\ntwo\n' });
  expect((await node.get('/containerLogs/default/a/main?tailLines=1')).body).toBe('two\n');
});

it('GET /containerLogs?follow ends with the pod', async () => {
  const followed = node.get('/containerLogs/default/a/main?follow=true');
  await rm(join(node.root, 'manifests/a.yaml'));
  expect(await followed).toEqual({ status: 200, body: 'one\ntwo\n' });
});

it('POST /run gives what a command printed, or 500 with its exit code', async () => {
  const method = 'POST';
  expect(await node.get('/run/default/a/main?cmd=echo%20hello', { method })).toEqual({ status: 200, body: 'echo|hello\n' });
  expect(await node.get('/run/default/a/main?cmd=exit+3', { method })).toMatchObject({
    status: 500,
    body: expect.stringContaining('exit code 3'),
  });
});

it('POST /run gives a client that takes JSON streams and exit code, and words with blanks', async () => {
  const options = { method: 'POST', headers: { accept: 'application/json' } };
  const { body } = await node.get('/run/default/a/main?command=exit&command=4&command=a%20b', options);
  expect(JSON.parse(body)).toEqual({ stdout: Buffer.from('exit|4|a b\n').toString('base64'), stderr: '', exitCode: 4 });
});

it.each([
  ['/run/default/a/side?cmd=true', 404, 'container side of pod default/a: the pod has none of this name; choose one of main'],
  ['/run/default/a/main', 400, 'no command'],
  ['/pods', 405, "POST isn't answered here"],
])('POST %s is refused with %i and the reason', async (path, status, reason) => {
  const answer = await node.get(path, { method: 'POST' });
  expect(answer.status).toBe(status);
  expect(answer.body).toContain(reason);
});

it('POST /run refuses a container that does not run', async () => {
  node.runtime.exit('main', 0);
  await node.until('a', (pod) => !pod.status?.containerStatuses?.[0]?.state?.running);
  const answer = await node.get('/run/default/a/main?cmd=true', { method: 'POST' });
  expect(answer).toMatchObject({ status: 400, body: expect.stringContaining('container main of pod default/a: it is not running') });
});

it('the socket file does not outlive the kubelet', async () => {
  await node.kubelet.stop({ removePods: false });
  await expect(stat(node.socket)).rejects.toMatchObject({ code: 'ENOENT' });
});

it.each([
  ['/nowhere', 404, 'no such path: /nowhere'],
  ['/containerLogs/default/b/main', 404, 'pod default/b: no such pod'],
  ['/containerLogs/default/a/side', 404, 'choose one of main'],
  ['/containerLogs/default/a/main?previous=true', 400, 'previous terminated container "main"'],
  ['/containerLogs/default/a/main?tailLines=x', 400, 'tailLines must be a number'],
  ['/trace/default/%zz', 400, 'malformed'],
])('GET %s is refused with %i and the reason', async (path, status, reason) => {
  const answer = await node.get(path);
  expect(answer.status).toBe(status);
  expect(answer.body).toContain(reason);
});

it('a second kubelet with the same run directory is refused', async () => {
  const { kubelet } = node;
  node.replaceKubelet();
  const second: Kubelet = node.kubelet;
  node.kubelet = kubelet;
  await expect(second.start()).rejects.toThrow(/kubelet\.sock: another server listens/);
});
