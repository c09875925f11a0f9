import { afterEach, expect, it } from 'vitest';
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

it('a pod with hostUsers: false in a runtime without user namespaces says so, and gets no sandbox', async () => {
  const started = await start(new MemoryObjects(), '  hostUsers: false\n  containers: [{name: main, image: "a:1"}]');
  const message = "spec.hostUsers: the runtime doesn't have user namespaces";
  const told = () =>
    started.kubelet.events().some((event) => event.reason === 'FailedCreatePodSandBox' && event.message?.includes(message));
  await expect.poll(told, { timeout: 8000 }).toBe(true);
  expect(started.runtime.sandboxes.size).toBe(0);
});
