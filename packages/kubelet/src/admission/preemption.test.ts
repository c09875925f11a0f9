import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { isReady, podYaml, TestNode } from '../../testing/node.ts';

let node: TestNode;

const manifest = (name: string, priority: number) => podYaml(name, `  priority: ${priority}\n  containers: [{name: ${name}, image: a}]\n`);

beforeEach(async () => {
  node = await TestNode.create({ resources: { maxPods: 1 } });
  await mkdir(join(node.root, 'manifests'));
  await node.write('manifests/web.yaml', manifest('web', 0));
  await node.kubelet.start();
  await node.until('web', isReady);
});

afterEach(() => node.remove());

it('ends a pod for a critical one, and says so in its status and by an event', async () => {
  await node.write('manifests/critical.yaml', manifest('critical', 2_000_000_000));
  const { status } = await node.until('web', (pod) => pod.status?.phase === 'Failed');
  expect(status).toMatchObject({ reason: 'Preempting', message: 'Preempted in order to admit critical pod' });
  const preempted = node.kubelet.events().filter(({ reason }) => reason === 'Preempting');
  expect(preempted.map(({ type, involvedObject, message }) => [type, involvedObject.name, message])).toEqual([
    ['Warning', 'web', 'Preempted in order to admit critical pod'],
  ]);
  await node.until('critical', isReady);
});
