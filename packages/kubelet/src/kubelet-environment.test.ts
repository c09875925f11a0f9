import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Pod } from '@berth/api/objects';
import { pino } from 'pino';
import { afterEach, expect, it, onTestFinished } from 'vitest';
import { configMap, MemoryObjects, secret } from '../testing/memory-objects.ts';
import { containerStatus, isReady, podYaml, TestNode } from '../testing/node.ts';

let node: TestNode | undefined;
afterEach(() => node?.remove());

/** A node with one pod of the spec. */
async function start(objects: MemoryObjects, spec: string): Promise<TestNode> {
  const started = await TestNode.create({ objects });
  node = started;
  await started.write('manifests', podYaml('a', spec));
  await started.kubelet.start();
  return started;
}

const login = (user: string, registry: string) =>
  secret(
    user,
    { '.dockerconfigjson': JSON.stringify({ auths: { [registry]: { username: user, password: 'p' } } }) },
    'kubernetes.io/dockerconfigjson',
  );

it('a container waits for the config map that it refers to, and starts when it has come', async () => {
  const objects = new MemoryObjects();
  const env = '[{name: A, valueFrom: {configMapKeyRef: {name: late, key: a}}}]';
  const started = await start(objects, `  containers: [{name: main, image: "a:1", env: ${env}}]`);
  const waiting = await started.until('a', (pod) => containerStatus(pod, 'main')?.state?.waiting?.reason === 'CreateContainerConfigError');
  expect(containerStatus(waiting, 'main')?.state?.waiting?.message).toBe('configmap "late" not found');
  objects.put(configMap('late', { a: 'here' }));
  await started.until('a', isReady);
  const [container] = started.runtime.containers.values();
  expect(container?.config.envs.map(({ key, value }) => `${key}=${value}`)).toContain('A=here');
});

it("the node's address, if it is given, is that of pods' variables and statuses", async () => {
  node = await TestNode.create({ objects: new MemoryObjects(), nodeIP: '192.0.2.7' });
  const env =
    '[{name: HOST, valueFrom: {fieldRef: {fieldPath: status.hostIP}}}, {name: POD, valueFrom: {fieldRef: {fieldPath: status.podIP}}}]';
  await node.write('manifests', podYaml('a', `  hostNetwork: true\n  containers: [{name: main, image: "a:1", env: ${env}}]`));
  await node.kubelet.start();
  const { status } = await node.until('a', isReady);
  const [container] = node.runtime.containers.values();
  expect(container?.config.envs.map(({ key, value }) => `${key}=${value}`)).toEqual(
    expect.arrayContaining(['HOST=192.0.2.7', 'POD=192.0.2.7']),
  );
  expect([status?.hostIP, status?.podIP]).toEqual(['192.0.2.7', '192.0.2.7']);
});

it('an image is pulled with one login after the other, the most particular first', async () => {
  const objects = new MemoryObjects(
    login('wide', 'registry.example'),
    login('narrow', 'registry.example/team'),
    login('other', 'other.example'),
  );
  const secrets = '[{name: wide}, {name: narrow}, {name: other}, {name: gone}]';
  const started = await TestNode.create({ objects });
  node = started;
  started.runtime.faults.set('PullImage', () => {
    if (started.runtime.imageStore.logins.length === 1) throw new Error('unauthorized');
  });
  const containers = '[{name: main, image: "registry.example/team/app:1"}]';
  await started.write('manifests', podYaml('a', `  imagePullSecrets: ${secrets}\n  containers: ${containers}`));
  await started.kubelet.start();
  await started.until('a', isReady);
  expect(started.runtime.imageStore.logins.map((auth) => auth?.username)).toEqual(['narrow', 'wide']);
  expect(started.kubelet.events().map(({ reason, message }) => `${reason}: ${message}`)).toContain(
    'FailedToRetrieveImagePullSecret: Unable to retrieve some image pull secrets (gone); attempting to pull the image may not succeed.',
  );
});

it('a credential provider that hangs, then lies, is named by explanation, event, log, trace and status', async () => {
  const logged: string[] = [];
  const binDir = await mkdtemp(join(tmpdir(), 'berth-plugins-'));
  onTestFinished(() => rm(binDir, { recursive: true }));
  const script = `#!/bin/sh\nuntil [ -e ${binDir}/go ]; do sleep 0.05; done\necho nonsense\n`;
  await writeFile(join(binDir, 'ecr'), script, { mode: 0o755 });
  const apiVersion = 'credentialprovider.kubelet.k8s.io/v1';
  const ecr = { name: 'ecr', matchImages: ['*.example'], defaultCacheMs: 0, apiVersion, args: [], env: {} };
  const started = await TestNode.create({
    credentialPlugins: { binDir, providers: [ecr] },
    log: pino({ level: 'error' }, { write: (line) => void logged.push(line) }),
  });
  node = started;
  started.runtime.faults.set('PullImage', () => {
    throw new Error('unauthorized');
  });
  await started.write('manifests', podYaml('a', '  containers: [{name: main, image: "my.example/app:1"}]'));
  await started.kubelet.start();
  const step = (pod: Pod) => started.kubelet.explain(pod).steps.find(({ name }) => name === 'image');
  const pod = await started.until('a', () => true);
  await expect.poll(() => step(pod)?.detail).toMatch(/^waiting for the credential provider ecr since 20.*Z$/);
  expect(step(pod)).toMatchObject({ state: 'now', cure: expect.stringMatching(/program ecr .* given up after 60 s/) });

  await writeFile(join(binDir, 'go'), '');
  const failure = 'credential provider plugin ecr: its answer is no JSON; let it print one CredentialProviderResponse alone';
  const waits = await started.until('a', (each) => containerStatus(each, 'main')?.state?.waiting?.reason === 'ErrImagePull');
  expect(containerStatus(waits, 'main')?.state?.waiting?.message).toMatch(new RegExp(`unauthorized.*; without the logins of ${failure}$`));
  expect(started.runtime.imageStore.logins).toEqual([undefined]);
  expect(started.kubelet.events()).toContainEqual(
    expect.objectContaining({ type: 'Warning', reason: 'FailedToGetImageCredentials', message: failure, count: 1 }),
  );
  expect(logged.map((line) => JSON.parse(line))).toContainEqual(expect.objectContaining({ pod: 'default/a', msg: failure }));
  expect(JSON.parse((await started.get('/trace/default/a')).body).records).toContainEqual(
    expect.objectContaining({ protocol: 'credentials', plugin: 'ecr', subject: 'my.example/app:1', outcome: 'FAILED_PRECONDITION' }),
  );
});

it('a pod with hostUsers: false in a runtime without user namespaces says so, and gets no sandbox', async () => {
  const started = await start(new MemoryObjects(), '  hostUsers: false\n  containers: [{name: main, image: "a:1"}]');
  const message = "spec.hostUsers: the runtime doesn't have user namespaces";
  const told = () =>
    started.kubelet.events().some((event) => event.reason === 'FailedCreatePodSandBox' && event.message?.includes(message));
  await expect.poll(told, { timeout: 8000 }).toBe(true);
  expect(started.runtime.sandboxes.size).toBe(0);
});
