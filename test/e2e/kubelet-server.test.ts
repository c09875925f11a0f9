import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { request } from 'node:https';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { TestAuthority } from '../../packages/kubelet/testing/authority.ts';
import { freePorts } from '../../packages/kubelet/testing/free-ports.ts';
import { kubeletGet } from '../fixtures/kubelet-socket.ts';
import { describeOnEachRuntime } from '../fixtures/node-on-runtime.ts';
import { skipIfMissing } from '../fixtures/node-requirements.ts';
import { busyboxPod, manifestOf, script } from '../fixtures/pod-manifests.ts';
import { prometheusMissing, startPrometheus, type TestPrometheus, unreadable } from '../fixtures/prometheus.ts';

/** Writes more than a log may hold, then goes on slowly and uses its CPU quota up. */
const manifest = manifestOf(
  busyboxPod(
    'web',
    {
      ...script(
        'i=0; while [ $i -lt 300 ]; do echo line $i; i=$((i+1)); done; dd if=/dev/zero of=/data/file bs=1k count=64 2>/dev/null; while true; do echo tick; j=0; while [ $j -lt 3000 ]; do j=$((j+1)); done; sleep 0.1; done',
      ),
      resources: { limits: { cpu: '50m', memory: '64Mi' } },
      volumeMounts: [{ name: 'data', mountPath: '/data' }],
    },
    { volumes: [{ name: 'data', emptyDir: {} }] },
  ),
);

/** A query for the 99th percentile of a histogram. */
const percentile = (histogram: string) => `histogram_quantile(0.99, sum by (le) (rate(${histogram}_bucket[2m])))`;

describeOnEachRuntime({ about: "the kubelet's ports" }, (node) => {
  let [port, readOnlyPort, healthzPort] = [0, 0, 0];
  let logs: string;
  let authority: TestAuthority;
  /** The node's own certificate, by which clients know it. */
  let ca: string;
  let admin: { cert: string; key: string };

  beforeAll(async () => {
    const { home } = node;
    [port = 0, readOnlyPort = 0, healthzPort = 0] = await freePorts(3);
    authority = await TestAuthority.create();
    admin = await authority.client('CN=admin,O=system:masters');
    home.write('ca.crt', authority.cert);
    mkdirSync(join(home.directory, 'manifests'));
    home.write('manifests/web.yaml', manifest);
    logs = join(home.root, 'logs/pods');
    await node.kubelet({
      staticPodPath: 'manifests',
      enableServer: true,
      address: '127.0.0.1',
      port,
      readOnlyPort,
      healthzPort,
      authentication: { x509: { clientCAFile: 'ca.crt' } },
      authorization: { mode: 'AlwaysAllow' },
      containerLogMaxSize: '4Ki',
      containerLogMaxFiles: 3,
      containerLogMonitorInterval: '3s',
      featureGates: { EventedPLEG: false },
      evictionHard: { 'memory.available': '1Mi' },
    });
    ca = await readFile(join(home.root, 'kubelet/pki/kubelet.crt'), 'utf8');
    await vi.waitFor(async () => expect(await node.statusOf('web-here')).toMatchObject({ phase: 'Running' }), { timeout: 60_000 });
    const [pod] = await node.pods();
    const written = join(home.root, 'kubelet/pods', pod?.metadata?.uid ?? '', 'volumes/kubernetes.io~empty-dir/data/file');
    // What a disk holds is looked at once a minute.
    await vi.waitFor(async () => expect((await stat(written)).size).toBe(64 * 1024), { timeout: 60_000 });
  });

  afterAll(async () => {
    await rm(join(node.home.directory, 'manifests/web.yaml'));
    await vi.waitFor(async () => expect(await node.pods()).toEqual([]), { timeout: 30_000, interval: 100 });
  });

  async function ask(path: string, credential: object, method = 'GET'): Promise<{ status: number; body: string }> {
    const { promise, resolve, reject } = Promise.withResolvers<{ status: number; body: string }>();
    const sent = request({ host: '127.0.0.1', port, path, method, agent: false, ca, ...credential });
    sent.once('response', (response) => {
      text(response).then((body) => resolve({ status: response.statusCode ?? 0, body }), reject);
    });
    sent.once('error', reject).end();
    return promise;
  }

  /** A session by WebSocket, until the command ends: what it prints, and how it ends. */
  async function session(path: string, credential: object): Promise<{ stdout: string; status: string }> {
    const socket = new WebSocket(`wss://127.0.0.1:${port}${path}`, ['v5.channel.k8s.io', 'v4.channel.k8s.io'], { ca, ...credential });
    const printed: Record<number, string> = {};
    socket.on('message', (data: Buffer) => {
      printed[data[0] ?? 0] = `${printed[data[0] ?? 0] ?? ''}${data.subarray(1)}`;
    });
    await once(socket, 'close');
    return { stdout: printed[1] ?? '', status: JSON.parse(printed[3] ?? '{}').status };
  }

  it('knows clients by the certificates of one authority', async () => {
    expect(await ask('/pods', {})).toEqual({ status: 401, body: 'Unauthorized' });
    expect((await ask('/pods', { headers: { authorization: 'Bearer guess' } })).status).toBe(401);
    expect((await ask('/pods', await (await TestAuthority.create()).client('CN=admin,O=system:masters'))).status).toBe(401);
    expect((await ask('/pods', admin)).status).toBe(200);
    expect(await ask('/run/default/web-here/main?cmd=echo%20hello', admin, 'POST')).toEqual({ status: 200, body: 'hello\n' });
  });

  it('a session goes through the same guard', async () => {
    const path = '/exec/default/web-here/main?command=echo&command=hello&output=1';
    expect(await session(path, admin)).toEqual({ stdout: 'hello\n', status: 'Success' });
    await expect(session(path, {})).rejects.toThrow('401');
  });

  it('shows anybody health, and figures on the read-only port', async () => {
    expect(await (await fetch(`http://127.0.0.1:${healthzPort}/healthz`)).text()).toBe('ok');
    expect((await fetch(`http://127.0.0.1:${healthzPort}/pods`)).status).toBe(404);
    expect((await fetch(`http://127.0.0.1:${readOnlyPort}/healthz`)).status).toBe(200);
    expect((await fetch(`http://127.0.0.1:${readOnlyPort}/containerLogs/default/web-here/main`)).status).toBe(404);
  });

  it('tells what is in force, and where it serves', async () => {
    const { kubeletconfig } = JSON.parse((await ask('/configz', admin)).body);
    expect(kubeletconfig).toMatchObject({
      port,
      authentication: { x509: { clientCAFile: join(node.home.directory, 'ca.crt') }, webhook: { enabled: false } },
      authorization: { mode: 'AlwaysAllow' },
    });
    expect(JSON.parse(await kubeletGet(node.home, '/node')).status.daemonEndpoints).toEqual({ kubeletEndpoint: { Port: port } });
  });

  it('tells in /stats/summary what node, pod, container and volume use', async () => {
    const { body } = await ask('/stats/summary', admin);
    const { node, pods } = JSON.parse(body);
    for (const value of [node.cpu.usageCoreNanoSeconds, node.memory.workingSetBytes, node.fs.usedBytes, node.rlimit.curproc]) {
      expect(value).toBeGreaterThan(0);
    }
    expect(node.runtime.imageFs.capacityBytes).toBeGreaterThan(0);
    expect(node.systemContainers.map((each: { name: string }) => each.name)).toEqual(['kubelet', 'pods']);
    const [pod] = pods;
    const [container] = pod.containers;
    expect(pod.podRef).toMatchObject({ name: 'web-here', namespace: 'default' });
    for (const used of [pod, container]) {
      expect(used.cpu.usageCoreNanoSeconds).toBeGreaterThan(0);
      expect(used.memory.workingSetBytes).toBeGreaterThan(10_000);
      expect(used.memory.workingSetBytes).toBeLessThan(64 * 2 ** 20);
    }
    expect(pod.network).toMatchObject({ name: 'eth0', rxBytes: expect.any(Number), txBytes: expect.any(Number) });
    expect(pod.process_stats.process_count).toBeGreaterThan(0);
    expect(container).toMatchObject({ name: 'main', logs: { usedBytes: expect.any(Number) }, rootfs: { usedBytes: expect.any(Number) } });
    expect(pod.volume).toMatchObject([{ name: 'data' }]);
    expect(pod.volume[0].usedBytes).toBeGreaterThanOrEqual(64 * 1024);
    expect(pod['ephemeral-storage'].usedBytes).toBeGreaterThanOrEqual(64 * 1024);
  });

  it('rotates logs, of which the newest is told', async () => {
    const directory = async (): Promise<string[]> => {
      const [pod = ''] = await readdir(logs);
      return (await readdir(join(logs, pod, 'main'))).toSorted();
    };
    await expect.poll(directory, { timeout: 30_000 }).toContainEqual(expect.stringMatching(/^0\.log\.\d{8}-\d{6}(\.gz)?$/));
    expect((await directory()).length).toBeLessThanOrEqual(4);
    const tail = async (): Promise<string> => (await ask('/containerLogs/default/web-here/main?tailLines=1', admin)).body;
    await expect.poll(tail).toBe('tick\n');
    expect((await ask('/containerLogs/default/web-here/main?limitBytes=3', admin)).body).toHaveLength(3);
  });

  it('refuses checkpoints in words', async () => {
    expect(await ask('/checkpoint/default/none/main', admin, 'POST')).toEqual({ status: 404, body: 'pod does not exist' });
    expect(await ask('/checkpoint/default/web-here/none', admin, 'POST')).toEqual({
      status: 404,
      body: 'container none does not exist',
    });
    const { status, body } = await ask('/checkpoint/default/web-here/main', admin, 'POST');
    expect([status, body]).toEqual([500, expect.stringMatching(/^checkpointing of default\/web-here\/main failed \(/)]);
  });

  describe('scraped by Prometheus', () => {
    let prometheus: TestPrometheus | undefined;

    beforeEach(skipIfMissing(prometheusMissing));

    beforeAll(async () => {
      if (prometheusMissing() !== undefined) return;
      const file = (name: string) => join(node.home.directory, `scrape.${name}`);
      for (const [name, pem] of Object.entries({ ...(await authority.client('CN=prometheus')), ca }))
        node.home.write(`scrape.${name}`, pem);
      const job = (metricsPath: string) => ({
        job_name: metricsPath,
        scheme: 'https',
        metrics_path: metricsPath,
        tls_config: { ca_file: file('ca'), cert_file: file('cert'), key_file: file('key') },
        scrape_timeout: '2s',
        scrape_interval: '2s',
        static_configs: [{ targets: [`127.0.0.1:${port}`] }],
      });
      prometheus = await startPrometheus(['/metrics', '/metrics/cadvisor', '/metrics/resource', '/metrics/probes'].map(job));
    });

    afterAll(() => prometheus?.close());

    it.each(['/metrics', '/metrics/cadvisor', '/metrics/resource', '/metrics/probes', '/metrics/slis'])(
      '%s is in its format',
      async (path) => {
        expect(await unreadable((await ask(path, admin)).body)).toBeUndefined();
      },
    );

    /** Queries as dashboards of kubelets and pods make them: what they ask, and what the first answer is at least. */
    it.each([
      ['every job is up', 'min(up)', 1],
      ['running pods', 'sum(kubelet_running_pods)', 1],
      ['running containers', 'sum(kubelet_running_containers{container_state="running"})', 1],
      ['the node that a kubelet is', 'kubelet_node_name{node="here"}', 1],
      ['CPU by pod', 'sum by (namespace, pod) (rate(container_cpu_usage_seconds_total{container!="", image!=""}[2m]))', 0.0001],
      ['memory by pod', 'sum by (namespace, pod) (container_memory_working_set_bytes{container!="", image!=""})', 10_000],
      ['throttled periods', 'sum by (pod) (increase(container_cpu_cfs_periods_total{container="main"}[2m]))', 1],
      [
        'memory against its limit',
        'sum by (pod) (container_memory_working_set_bytes{container="main"}) / sum by (pod) (container_spec_memory_limit_bytes{container="main"})',
        0.0001,
      ],
      ['traffic by pod', 'sum by (namespace, pod) (rate(container_network_receive_bytes_total{pod="web-here"}[2m]))', 0],
      ['packets by pod', 'sum by (pod) (container_network_receive_packets_total{pod="web-here", interface="eth0"})', 1],
      ['dropped packets by pod', 'sum by (pod) (container_network_transmit_packets_dropped_total{pod="web-here"})', 0],
      ['errors by pod', 'sum by (pod) (container_network_receive_errors_total{pod="web-here"})', 0],
      ['writes by device', 'sum by (device) (container_fs_usage_bytes{container="main", device!=""})', 0],
      ["containers by their image's name", 'container_start_time_seconds{container="main", image=~".*busybox.*"}', 1],
      ["autoscaling's figures", 'sum by (pod) (container_memory_working_set_bytes{job="/metrics/resource", container="main"})', 10_000],
      ['CPU of the node', 'rate(node_cpu_usage_seconds_total[2m])', 0.0001],
      ['99th percentile of relists', percentile('kubelet_pleg_relist_duration_seconds'), 0.00001],
      [
        'calls to the runtime',
        'sum by (operation_type) (rate(kubelet_runtime_operations_total{operation_type="list_containers"}[2m]))',
        0.0001,
      ],
      ['calls that failed', 'sum(rate(kubelet_runtime_operations_errors_total[2m])) or vector(0)', 0],
      ['99th percentile of calls', percentile('kubelet_runtime_operations_duration_seconds'), 0.00001],
      ['time to start a pod', 'sum(kubelet_pod_start_duration_seconds_count)', 1],
      ["the kubelet's memory", 'process_resident_memory_bytes{job="/metrics"}', 1_000_000],
    ])('answers %s', async (_, expression, least) => {
      const first = async (): Promise<number> => {
        // Reads anew what the next scrape tells, which would else be up to 10 s old: a rate takes two readings.
        await ask('/stats/summary', admin);
        return (await prometheus?.query(expression))?.[0]?.value ?? Number.NaN;
      };
      await expect.poll(first, { timeout: 60_000, interval: 500 }).toBeGreaterThanOrEqual(least);
    });
  });
});
