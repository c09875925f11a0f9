import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ContainerState, ListContainersResponse } from '@berth/sdk/cri';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { isReady, podYaml, TestNode } from '../../testing/node.ts';
import { KubeletMetrics } from './kubelet-metrics.ts';

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
  ['kubelet_pod_start_duration_seconds_count', '1'],
  ['kubelet_pod_start_sli_duration_seconds_count', '1'],
  ['kubelet_pod_worker_start_duration_seconds_count', '1'],
  ['kubelet_pod_worker_duration_seconds_count{operation_type="create"}', '1'],
  ['kubelet_started_pods_total', '1'],
  ['kubelet_run_podsandbox_duration_seconds_count{runtime_handler="timer"}', '1'],
  ['kubelet_containers_per_pod_count_sum', '1'],
  ['kubelet_working_pods{lifecycle="sync",config="desired",static="true"}', '1'],
  ['kubelet_working_pods{lifecycle="terminating",config="runtime_only",static="unknown"}', '0'],
  [
    'storage_operation_duration_seconds_count{volume_plugin="kubernetes.io/empty-dir",operation_name="volume_mount",status="success",migrated="false"}',
    '1',
  ],
  ['kubelet_started_containers_total{container_type="container"}', '1'],
  ['kubelet_started_containers_total{container_type="pod_sandbox"}', '1'],
])('GET /metrics has %s', async (name, value) => {
  // What the runtimes have is known by their lists.
  await expect.poll(async () => (await scrape('/metrics')).get(name)).toBe(value);
});

it('GET /metrics counts the sandboxes and containers that the runtimes have, whatever pods there are to be', async () => {
  const counted = async () => {
    const found = await scrape('/metrics');
    return ['kubelet_running_pods', 'running', 'exited'].map(
      (name) => found.get(name) ?? found.get(`kubelet_running_containers{container_state="${name}"}`),
    );
  };
  node.runtime.exit('main', 1);
  await expect.poll(counted).toEqual(['1', '1', '1']);
});

it('GET /metrics tells of the process, of lists and of requests', async () => {
  await node.get('/containerLogs/default/a/main');
  await node.get('/no/such/path');
  const found = await scrape('/metrics');
  for (const name of [
    'process_cpu_seconds_total',
    'process_resident_memory_bytes',
    'process_start_time_seconds',
    'process_open_fds',
    'kubelet_pleg_last_seen_seconds',
    'kubelet_pleg_relist_duration_seconds_count',
    'kubelet_pleg_relist_interval_seconds_count',
  ]) {
    expect(Number(found.get(name)), name).toBeGreaterThan(0);
  }
  const requests = [...found].filter(([name]) => name.startsWith('kubelet_http_requests_total'));
  expect(requests).toEqual([
    ['kubelet_http_requests_total{method="GET",path="containerLogs",server_type="socket",long_running="false"}', '1'],
    ['kubelet_http_requests_total{method="GET",path="other",server_type="socket",long_running="false"}', '1'],
    ['kubelet_http_requests_total{method="GET",path="metrics",server_type="socket",long_running="false"}', '1'],
  ]);
});

it('GET /metrics tells of volumes that were removed, and of those that could not be made', async () => {
  const counted = async (operation: string) =>
    [...(await scrape('/metrics'))].filter(
      ([name]) => name.startsWith('storage_operation_duration_seconds_count') && name.includes(operation),
    );
  await node.write(
    'manifests/b.yaml',
    podYaml('b', '  containers: [{name: main, image: "a:1"}]\n  volumes: [{name: data, hostPath: {path: /no/such, type: Directory}}]\n'),
  );
  await expect.poll(async () => (await counted('kubernetes.io/host-path'))[0]?.[0]).toContain('status="fail-unknown"');
  await rm(join(node.root, 'manifests/a.yaml'));
  await expect
    .poll(() => counted('volume_unmount'), { timeout: 5000 })
    .toEqual([[expect.stringContaining('volume_plugin="kubernetes.io/empty-dir",operation_name="volume_unmount",status="success"'), '1']]);
});

it('GET /metrics counts what fails', async () => {
  node.runtime.faults.set('StartContainer', () => {
    throw new Error('broken');
  });
  await node.write('manifests/b.yaml', podYaml('b', '  containers: [{name: main, image: "a:1"}]\n'));
  await node.until('b', ({ status }) => status?.containerStatuses?.[0]?.state?.waiting?.reason === 'RunContainerError');
  const found = await scrape('/metrics');
  expect(Number(found.get('kubelet_runtime_operations_errors_total{operation_type="start_container"}'))).toBeGreaterThan(0);
  expect(Number(found.get('kubelet_started_containers_errors_total{container_type="container",code="RunContainerError"}'))).toBeGreaterThan(
    0,
  );
});

it('GET /metrics counts sandboxes that could not be made, by handler', async () => {
  node.runtime.faults.set('RunPodSandbox', () => {
    throw new Error('broken');
  });
  await node.write('manifests/b.yaml', podYaml('b', '  containers: [{name: main, image: "a:1"}]\n'));
  const failed = async () => Number((await scrape('/metrics')).get('kubelet_run_podsandbox_errors_total{runtime_handler="timer"}'));
  await expect.poll(failed).toBeGreaterThan(0);
});

it('GET /metrics counts a pod that was refused', async () => {
  await node.write('manifests/b.yaml', podYaml('b', '  containers: [{name: main, image: "a:1", resources: {limits: {cpu: "9999"}}}]\n'));
  await expect.poll(async () => (await scrape('/metrics')).get('kubelet_admission_rejections_total{reason="OutOfcpu"}')).toBe('1');
  const name = 'kubelet_working_pods{lifecycle="terminated",config="desired",static="true"}';
  await expect.poll(async () => (await scrape('/metrics')).get(name)).toBe('1');
});

it.each([
  ['OutOfmemory', 'OutOfmemory'],
  ['OutOfexample.com/gpu', 'OutOfExtendedResources'],
  ['NodeAffinity', 'Other'],
])('counts pods that were refused with %s under %s', async (reason, counted) => {
  const metrics = new KubeletMetrics({ nodeName: 'node' });
  metrics.admission.rejected(reason);
  expect(await metrics.registry.metrics()).toContain(`kubelet_admission_rejections_total{reason="${counted}"} 1\n`);
});

it('GET /metrics tells of a pod that is ending because nobody wants it any more', async () => {
  node.runtime.faults.set(
    'StopContainer',
    ({ signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
  );
  await rm(join(node.root, 'manifests/a.yaml'));
  const name = 'kubelet_working_pods{lifecycle="terminating",config="orphan",static="true"}';
  await expect.poll(async () => (await scrape('/metrics')).get(name)).toBe('1');
});

it('GET /metrics counts a pod that a runtime has and nobody wants any more, once', async () => {
  const counted = async (name: string) => (await scrape('/metrics')).get(name);
  await node.kubelet.stop({ removePods: false });
  await rm(join(node.root, 'manifests/a.yaml'));
  await rm(join(node.root, 'kubelet/pod-memories'), { recursive: true });
  node.runtime.faults.set(
    'StopContainer',
    ({ signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
  );
  node.replaceKubelet();
  await node.kubelet.start();
  await expect.poll(() => counted('kubelet_working_pods{lifecycle="terminating",config="runtime_only",static="unknown"}')).toBe('1');
  expect(await counted('kubelet_orphaned_runtime_pods_total')).toBe('1');
});

it('GET /metrics/resource has the figures that autoscaling goes by', async () => {
  const found = await scrape('/metrics/resource');
  expect(found.get('container_cpu_usage_seconds_total{container="main",namespace="default",pod="a"}')).toBe('5');
  expect(found.get('container_memory_working_set_bytes{container="main",namespace="default",pod="a"}')).toBe('2000000');
  expect(found.get('pod_memory_working_set_bytes{namespace="default",pod="a"}')).toBe('2000000');
  expect(Number(found.get('node_cpu_usage_seconds_total'))).toBeGreaterThan(0);
  expect(Number(found.get('node_memory_working_set_bytes'))).toBeGreaterThan(0);
  expect([found.get('resource_scrape_error'), found.get('scrape_error')]).toEqual(['0', '0']);
});

it('GET /metrics/cadvisor labels figures by container, image and pod', async () => {
  const id = [...node.runtime.containers.keys()][0];
  const found = [...(await scrape('/metrics/cadvisor'))];
  const of = (name: string, ...labels: string[]) =>
    found.find(([key]) => key.startsWith(`${name}{`) && labels.every((label) => key.includes(label)))?.[1];
  const main = ['container="main"', 'image="a:1"', `name="${id}"`, 'namespace="default"', 'pod="a"'];
  expect(of('container_cpu_usage_seconds_total', ...main, 'cpu="total"')).toBe('5');
  expect(of('container_memory_working_set_bytes', ...main)).toBe('2000000');
  expect(of('container_fs_usage_bytes', ...main)).toBe('8192');
  expect(of('container_fs_usage_bytes', ...main, 'device=""')).toBeUndefined();
  expect(of('container_network_receive_bytes_total', 'pod="a"', 'interface="eth0"')).toBe('10');
  expect(Number(of('container_cpu_usage_seconds_total', 'id="/"'))).toBeGreaterThan(0);
  expect(Number(found.find(([name]) => name === 'machine_cpu_cores')?.[1])).toBeGreaterThan(0);
});

it('GET /metrics/cadvisor names images that a runtime knows by their ids alone as their pods do', async () => {
  const listed = [...node.runtime.containers.values()].map(({ id, sandboxId, config: { metadata, labels } }) => ({
    ...{ id, podSandboxId: sandboxId, metadata, labels, state: ContainerState.CONTAINER_RUNNING },
    image: { image: `sha256:${'ab'.repeat(32)}` },
  }));
  node.runtime.lies.set('ListContainers', () => ListContainersResponse.fromPartial({ containers: listed }));
  const images = [...(await scrape('/metrics/cadvisor')).keys()].flatMap(
    (name) => /container="main".*image="([^"]*)"/.exec(name)?.[1] ?? [],
  );
  expect(new Set(images)).toEqual(new Set(['a:1']));
});

it('GET /metrics/slis tells whether health checks are well', async () => {
  await scrape('/metrics/slis');
  const found = await scrape('/metrics/slis');
  expect(found.get('kubernetes_healthcheck{name="syncloop",type="healthz"}')).toBe('1');
  expect(found.get('kubernetes_healthchecks_total{name="ping",type="healthz",status="success"}')).toBe('2');
});

it('GET /metrics/probes is there, with or without probes', async () => {
  expect((await node.get('/metrics/probes')).status).toBe(200);
});

it('a runtime that hangs keeps nothing back but its own figures', async () => {
  const asked: string[] = [];
  for (const rpc of ['ListPodSandboxStats', 'ListContainerStats', 'ImageFsInfo', 'ListPodSandboxMetrics', 'ListMetricDescriptors']) {
    node.runtime.faults.set(rpc, ({ signal }) => {
      asked.push(rpc);
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    });
  }
  expect((await scrape('/metrics')).get('kubelet_desired_pods{static="true"}')).toBe('1');
  expect(asked).toEqual([]);
  expect([...(await scrape('/metrics/cadvisor')).keys()]).toContain(
    'container_cpu_usage_seconds_total{container="",image="",name="",namespace="",pod="",id="/",cpu="total"}',
  );
  expect(asked).not.toContain('ListContainerStats');
});
