import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { isReady, podYaml, TestNode } from '../../testing/node.ts';

let node: TestNode;

beforeEach(async () => {
  node = await TestNode.create();
  await mkdir(join(node.root, 'manifests'));
  Object.assign(node.runtime.figures, { cpu: 5_000_000_000n, memory: 2_000_000n, disk: 8192n, mountpoint: node.root });
  await node.write(
    'manifests/a.yaml',
    podYaml('a', '  containers: [{name: main, image: "a:1"}]\n  volumes: [{name: data, emptyDir: {}}]\n'),
  );
  await node.kubelet.start();
  await node.until('a', isReady);
});

afterEach(() => node.remove());

/** The lines of a scrape, by name and labels. */
async function scrape(path: string): Promise<Map<string, string>> {
  const { status, body } = await node.get(path);
  expect(status, body).toBe(200);
  const lines = body.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(lines.map((line) => /^(\S+?(?:\{.*\})?) (\S+)(?: \d+)?$/.exec(line)?.slice(1) as [string, string]));
}

it.each([
  ['kubelet_node_name{node="node"}', '1'],
  ['kubelet_running_pods', '1'],
  ['kubelet_running_containers{container_state="running"}', '1'],
  ['kubelet_desired_pods{static="true"}', '1'],
  ['kubelet_active_pods{static="true"}', '1'],
  ['kubelet_mirror_pods', '0'],
  ['volume_manager_total_volumes{plugin_name="kubernetes.io/empty-dir",state="desired_state_of_world"}', '1'],
  ['kubelet_runtime_operations_total{operation_type="run_podsandbox"}', '1'],
  ['kubelet_runtime_operations_total{operation_type="create_container"}', '1'],
  ['kubelet_runtime_operations_duration_seconds_count{operation_type="start_container"}', '1'],
  ['kubelet_image_pull_duration_seconds_count{image_size_in_bytes="N/A"}', '1'],
  ['kubelet_graceful_shutdown_start_time_seconds', '0'],
])('GET /metrics has %s', async (name, value) => {
  expect((await scrape('/metrics')).get(name)).toBe(value);
});
