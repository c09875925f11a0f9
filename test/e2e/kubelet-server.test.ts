import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { Kubelet } from '@berth/kubelet/kubelet';
import { KubeletMetrics } from '@berth/kubelet/kubelet-metrics';
import { ManifestSource } from '@berth/kubelet/manifest-source';
import { PodTraces } from '@berth/kubelet/pod-traces';
import { defaultServerOptions } from '@berth/kubelet/server-options';
import { StaticTokens } from '@berth/kubelet/static-tokens';
import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { connectRuntime, type RuntimeConnection } from '../../packages/cli/src/node/runtime-connection.ts';
import { TestAuthority } from '../../packages/kubelet/testing/authority.ts';
import { freePorts } from '../../packages/kubelet/testing/free-ports.ts';
import { type CriServer, criServers } from '../fixtures/cri-servers.ts';
import { expectHostState, type HostState, readHostState } from '../fixtures/host-state.ts';
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

describe.each(criServers)("the kubelet's server on $name", ({ name, missing, start }) => {
  let [root, logs] = ['', ''];
  let [port, readOnlyPort] = [0, 0];
  let before: HostState;
  let server: CriServer | undefined;
  let connection: RuntimeConnection | undefined;
  let kubelet: Kubelet | undefined;
  let authority: TestAuthority;

  beforeEach(skipIfMissing(missing));

  beforeAll(async () => {
    if (missing() !== undefined) return;
    before = readHostState();
    root = await mkdtemp(join(tmpdir(), 'berth-kubelet-server-'));
    logs = join(root, 'logs');
    [port = 0, readOnlyPort = 0] = await freePorts(2);
    authority = await TestAuthority.create();
    await writeFile(join(root, 'ca.crt'), authority.cert);
    await writeFile(join(root, 'tokens.csv'), 'secret,prometheus,1,viewers\n');
    await mkdir(join(root, 'manifests'));
    await writeFile(join(root, 'manifests/web.yaml'), manifest);
    server = await start();
    kubelet = await startKubelet(server.endpoint);
    await vi.waitFor(() => expect(kubelet?.pods()[0]?.status).toMatchObject({ phase: 'Running' }), { timeout: 60_000 });
    const uid = kubelet.pods()[0]?.metadata?.uid ?? '';
    const written = join(root, 'kubelet/pods', uid, 'volumes/kubernetes.io~empty-dir/data/file');
    // What a disk holds is looked at once a minute.
    await vi.waitFor(async () => expect((await stat(written)).size).toBe(64 * 1024), { timeout: 60_000 });
  });

  afterAll(async () => {
    await kubelet?.stop({ gracefully: true });
    connection?.close();
    await server?.stop();
    if (root === '') return;
    await rm(root, { recursive: true, force: true });
    await expectHostState(before);
  });

  async function startKubelet(endpoint: string): Promise<Kubelet> {
    const metrics = new KubeletMetrics({ nodeName: 'here' });
    const traces = new PodTraces();
    connection = connectRuntime(endpoint, { tap: metrics.runtimeOperations.around(traces.tap(name)), deadlineMs: 120_000 });
    const started = new Kubelet({
      nodeName: 'here',
      run: join(root, 'run'),
      kubeletRoot: join(root, 'kubelet'),
      podLogsDir: logs,
      runtimes: new Map([[name, { handler: name, runtimeHandler: '', ...connection }]]),
      defaultHandler: name,
      runtimeClasses: [],
      sources: [new ManifestSource({ paths: [join(root, 'manifests')], nodeName: 'here' })],
      cgroupRoot: `/berth-server-${process.pid}`,
      evented: false,
      logRotation: { containerLogMaxSize: 4096, containerLogMaxFiles: 3, containerLogMonitorIntervalMs: 200 },
      server: {
        ...defaultServerOptions,
        address: '127.0.0.1',
        port,
        readOnlyPort,
        healthzPort: 0,
        authentication: { ...defaultServerOptions.authentication, x509: { clientCAFile: join(root, 'ca.crt') } },
        authorization: { ...defaultServerOptions.authorization, mode: 'Webhook' },
        tokenReviewer: new StaticTokens(join(root, 'tokens.csv')),
        accessReviewer: {
          review: async ({ user, subresource }) => ({ allowed: user.groups.includes('system:masters') || subresource === 'metrics' }),
        },
      },
      metrics,
      traces,
      log: pino({ level: process.env.LOG_LEVEL ?? 'silent' }),
    });
    await started.start();
    return started;
  }

  async function ask(path: string, credential: object, method = 'GET'): Promise<{ status: number; body: string }> {
    const { promise, resolve, reject } = Promise.withResolvers<{ status: number; body: string }>();
    const sent = request({ host: '127.0.0.1', port, path, method, agent: false, rejectUnauthorized: false, ...credential });
    sent.once('response', (response) => {
      text(response).then((body) => resolve({ status: response.statusCode ?? 0, body }), reject);
    });
    sent.once('error', reject).end();
    return promise;
  }

  const admin = async (): Promise<object> => authority.client('CN=admin,O=system:masters');
  const bearer = { headers: { authorization: 'Bearer secret' } };

  it('knows clients by certificate and by token, and what each may ask', async () => {
    expect(await ask('/pods', {})).toEqual({ status: 401, body: 'Unauthorized' });
    expect((await ask('/metrics', bearer)).status).toBe(200);
    expect(await ask('/pods', bearer)).toEqual({
      status: 403,
      body: 'Forbidden (user=prometheus, verb=get, resource=nodes, subresource(s)=[pods proxy])',
    });
    const { status, body } = await ask('/pods', await admin());
    expect([status, JSON.parse(body).items[0].metadata.name]).toEqual([200, 'web']);
    expect(await ask('/run/default/web/main?cmd=echo%20hello', await admin(), 'POST')).toEqual({ status: 200, body: 'hello\n' });
    expect((await fetch(`http://127.0.0.1:${readOnlyPort}/healthz`)).status).toBe(200);
    expect((await fetch(`http://127.0.0.1:${readOnlyPort}/containerLogs/default/web/main`)).status).toBe(404);
  });

  it('tells in /stats/summary what node, pod, container and volume use', async () => {
    const { body } = await ask('/stats/summary', await admin());
    const { node, pods } = JSON.parse(body);
    for (const value of [node.cpu.usageCoreNanoSeconds, node.memory.workingSetBytes, node.fs.usedBytes, node.rlimit.curproc]) {
      expect(value).toBeGreaterThan(0);
    }
    expect(node.runtime.imageFs.capacityBytes).toBeGreaterThan(0);
    expect(node.systemContainers.map((each: { name: string }) => each.name)).toEqual(['kubelet', 'pods']);
    const [pod] = pods;
    const [container] = pod.containers;
    expect(pod.podRef).toMatchObject({ name: 'web', namespace: 'default' });
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
    const tail = async (): Promise<string> => (await ask('/containerLogs/default/web/main?tailLines=1', await admin())).body;
    await expect.poll(tail).toBe('tick\n');
    expect((await ask('/containerLogs/default/web/main?limitBytes=3', await admin())).body).toHaveLength(3);
  });

  it('refuses checkpoints in words', async () => {
    expect(await ask('/checkpoint/default/none/main', await admin(), 'POST')).toEqual({ status: 404, body: 'pod does not exist' });
    expect(await ask('/checkpoint/default/web/none', await admin(), 'POST')).toEqual({
      status: 404,
      body: 'container none does not exist',
    });
    const { status, body } = await ask('/checkpoint/default/web/main', await admin(), 'POST');
    expect([status, body]).toEqual([500, expect.stringMatching(/^checkpointing of default\/web\/main failed \(/)]);
  });

  describe('scraped by Prometheus', () => {
    let prometheus: TestPrometheus | undefined;

    beforeEach(skipIfMissing(prometheusMissing));

    beforeAll(async () => {
      if (missing() !== undefined || prometheusMissing() !== undefined) return;
      const job = (metricsPath: string) => ({
        job_name: metricsPath,
        scheme: 'https',
        metrics_path: metricsPath,
        tls_config: { insecure_skip_verify: true },
        authorization: { credentials: 'secret' },
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
        expect(await unreadable((await ask(path, bearer)).body)).toBeUndefined();
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
      ['traffic by pod', 'sum by (namespace, pod) (rate(container_network_receive_bytes_total{pod="web"}[2m]))', 0],
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
      const credential = await admin();
      const first = async (): Promise<number> => {
        // Reads anew what the next scrape tells, which would else be up to 10 s old: a rate takes two readings.
        await ask('/stats/summary', credential);
        return (await prometheus?.query(expression))?.[0]?.value ?? Number.NaN;
      };
      await expect.poll(first, { timeout: 60_000, interval: 500 }).toBeGreaterThanOrEqual(least);
    });
  });
});
