import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Pod } from '@berth/api/objects';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { KubeletClient } from '../node/kubelet-client.ts';
import { Interview } from './interview.ts';

const calls = [{ method: 'RunPodSandbox', outcome: 'OK', durationMs: 12, startedAt: 0 }];
const answer = { stdout: Buffer.from('kernel=Linux 6.1\n').toString('base64'), stderr: '', exitCode: 0 };

/** What a node answers of a pod by default; `undefined`: nothing, ever. */
const answers: Record<string, unknown> = { run: answer, containerLogs: 'hello', trace: { records: calls, sandboxIds: [] } };

let directory: string;
let server: Server;
let client: KubeletClient;
/** Answers that a test sets for one pod, `run/web-vm`. */
let set: Map<string, unknown>;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'berth-interview-'));
  set = new Map();
  server = createServer(({ url = '' }, response) => {
    const [, route = '', , pod = ''] = url.split('/');
    const key = `${route}/${pod}`;
    const body = set.has(key) ? set.get(key) : answers[route];
    if (body instanceof Error) response.writeHead(500).end(body.message);
    else if (body !== undefined) response.end(typeof body === 'string' ? body : JSON.stringify(body));
  });
  await once(server.listen(join(directory, 'kubelet.sock')), 'listening');
  client = new KubeletClient({ root: directory, run: directory });
});

afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await client.close();
  rmSync(directory, { recursive: true });
});

function pod(handler: string): Pod {
  const containerStatuses = [
    { name: 'c', image: 'i', imageID: '', ready: true, restartCount: 0, containerID: `${handler}://1`, state: { running: {} } },
  ];
  const metadata = { namespace: 'default', name: `web-${handler}` };
  const status = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }], containerStatuses };
  return { apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers: [], runtimeClassName: handler }, status } as Pod;
}

/** What an interview with answers within a second finds out about a pod on runc and on vm. */
async function interview(): Promise<unknown> {
  const pods = [pod('runc'), pod('vm')];
  const asked = new Interview(client, { root: directory, run: directory }, new AbortController().signal, 1000);
  asked.ask(pods);
  const [findings] = await asked.facts(pods);
  return Object.fromEntries(findings?.facts ?? []);
}

const known = { status: 'Running, Ready', 'c: kernel': 'Linux 6.1', 'c: output': 'hello', RunPodSandbox: '12 ms' };

describe('Interview', () => {
  it('asks each pod what it sees, what it printed and how long its calls took', async () => {
    expect(await interview()).toMatchObject({ runc: known, vm: known });
  });

  it('gives up a container that does not answer in time, and keeps what else is known', async () => {
    set.set('run/web-vm', undefined);
    expect(await interview()).toMatchObject({
      runc: known,
      vm: { status: 'Running, Ready', 'c: inside': "(can't be asked: no answer within 1 s)", 'c: output': 'hello' },
    });
  });

  it.each([
    ['trace/web-vm', 'timings', undefined],
    ['containerLogs/web-vm', 'c: output', 'hello'],
  ])('says what it could not get by %s, and keeps what else is known', async (key, fact, usual) => {
    set.set(key, new Error('it is broken'));
    const findings = (await interview()) as Record<string, Record<string, string>>;
    expect(findings.runc).toMatchObject(known);
    expect(findings.vm).toMatchObject({ status: 'Running, Ready', 'c: kernel': 'Linux 6.1', [fact]: "(can't be asked: it is broken)" });
    expect(findings.runc?.[fact]).toBe(usual);
  });

  it('has no output of a container that never started', async () => {
    const waiting = pod('runc');
    const [status] = waiting.status?.containerStatuses ?? [];
    if (status) Object.assign(status, { containerID: undefined, state: { waiting: { reason: 'ErrImagePull' } } });
    const asked = new Interview(client, { root: directory, run: directory }, new AbortController().signal, 1000);
    const [findings] = await asked.facts([waiting]);
    expect(findings?.facts.get('runc')).toMatchObject({ 'c: output': '', c: 'ErrImagePull' });
  });
});
