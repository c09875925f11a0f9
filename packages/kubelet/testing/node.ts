import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ContainerStatus, Pod } from '@berth/api/objects';
import { pino } from 'pino';
import { Kubelet, type KubeletOptions } from '../src/kubelet.ts';
import { KubeletMetrics } from '../src/metrics/kubelet-metrics.ts';
import { findStatus } from '../src/pod.ts';
import type { OnDemand, RuntimeClient } from '../src/runtime/runtime-client.ts';
import { ManifestSource } from '../src/sources/manifest-source.ts';
import { PodTraces } from '../src/trace/pod-traces.ts';
import { timerClient } from './timer-client.ts';
import { TimerRuntime } from './timer-runtime.ts';

interface TestNodeOptions extends Partial<KubeletOptions> {
  /** How the timer runtime is started on demand. */
  onDemand?(runtime: TimerRuntime): OnDemand;
}

/** A kubelet over a timer runtime, in a directory of its own. */
export class TestNode {
  readonly root: string;
  readonly runtime: TimerRuntime;
  kubelet: Kubelet;
  /** How the kubelet calls the runtime. */
  client: RuntimeClient;
  #traces = new PodTraces();
  #metrics = new KubeletMetrics({ nodeName: 'node' });
  #connection = new AbortController();

  static async create(options: TestNodeOptions = {}): Promise<TestNode> {
    const node = new TestNode(await mkdtemp(join(tmpdir(), 'berth-kubelet-')), options);
    await node.runtime.open();
    return node;
  }

  private constructor(root: string, options: TestNodeOptions) {
    this.root = root;
    this.runtime = new TimerRuntime(root);
    this.client = this.#connect(options);
    this.kubelet = this.#makeKubelet(options);
  }

  get socket(): string {
    return join(this.root, 'run/kubelet.sock');
  }

  /** Another kubelet over the same runtime, as after a restart. */
  replaceKubelet(options: Partial<KubeletOptions> = {}): void {
    this.#connection.abort();
    this.#connection = new AbortController();
    this.#traces = new PodTraces();
    this.#metrics = new KubeletMetrics({ nodeName: 'node' });
    this.client = this.#connect(options);
    this.kubelet = this.#makeKubelet(options);
  }

  async write(name: string, text: string): Promise<string> {
    const path = join(this.root, name);
    await writeFile(path, text);
    return path;
  }

  pod(name: string): Pod | undefined {
    return this.kubelet.pods().find((pod) => pod.metadata?.name === name);
  }

  /** Resolves with the pod when it is as asked; fails with its status after `limitMs`. */
  async until(name: string, isSo: (pod: Pod) => boolean, limitMs = 8000): Promise<Pod> {
    const { promise, resolve, reject } = Promise.withResolvers<Pod>();
    const look = () => {
      const pod = this.pod(name);
      if (pod && isSo(pod)) resolve(pod);
    };
    const unsubscribe = this.kubelet.onStatus(look);
    const timer = setTimeout(
      () => reject(new Error(`pod ${name} is still ${JSON.stringify(this.pod(name)?.status, undefined, 1)}`)),
      limitMs,
    );
    look();
    return promise.finally(() => {
      unsubscribe();
      clearTimeout(timer);
    });
  }

  /** Resolves with what the pod's status says once it is held up as a whole for this reason. */
  async untilHeldUp(name: string, reason: string): Promise<string> {
    const { status } = await this.until(name, (pod) => pod.status?.message?.startsWith(`${reason}: `) ?? false);
    return status?.message ?? '';
  }

  /** GET on kubelet.sock, if no other method is asked for; resolves with the status code and the whole body. */
  async get(path: string, options: { method?: string; headers?: Record<string, string> } = {}): Promise<{ status: number; body: string }> {
    const { promise, resolve, reject } = Promise.withResolvers<{ status: number; body: string }>();
    request({ ...options, socketPath: this.socket, path }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text) => {
        body += text;
      });
      response.once('end', () => resolve({ status: response.statusCode ?? 0, body })).once('error', reject);
    })
      .once('error', reject)
      .end();
    return promise;
  }

  async remove(): Promise<void> {
    await this.kubelet.stop({ removePods: false });
    this.#connection.abort();
    this.runtime.dispose();
    await this.runtime.close();
    await rm(this.root, { recursive: true, force: true });
  }

  #connect({ onDemand, runtimeRequestTimeoutMs }: TestNodeOptions): RuntimeClient {
    const connection = {
      tap: this.#metrics.runtimeOperations.around(this.#traces.tap('timer'), 'timer'),
      signal: this.#connection.signal,
      deadlineMs: runtimeRequestTimeoutMs ?? 5000,
    };
    return { ...timerClient(this.runtime.address, connection), ...(onDemand && { onDemand: onDemand(this.runtime) }) };
  }

  #makeKubelet({ onDemand: _, ...options }: TestNodeOptions): Kubelet {
    return new Kubelet({
      nodeName: 'node',
      run: join(this.root, 'run'),
      kubeletRoot: join(this.root, 'kubelet'),
      podLogsDir: join(this.root, 'logs'),
      runtimes: new Map([['timer', this.client]]),
      defaultHandler: 'timer',
      runtimeClasses: [],
      sources: [new ManifestSource({ paths: [join(this.root, 'manifests')], nodeName: 'node', rescanMs: 500 })],
      log: pino({ level: process.env.LOG_LEVEL ?? 'silent' }),
      traces: this.#traces,
      metrics: this.#metrics,
      runtimeRequestTimeoutMs: 5000,
      backOff: { crashInitialMs: 200, crashMaxMs: 1000, imageInitialMs: 1500, imageMaxMs: 3000, syncErrorMs: 300, transientErrorMs: 100 },
      intervals: { relistMs: 50, housekeepingMs: 50 },
      ...options,
    });
  }
}

export function isReady(pod: Pod): boolean {
  return pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
}

export function containerStatus(pod: Pod, name: string): ContainerStatus | undefined {
  return findStatus(pod.status, name);
}

/** One container's pod as YAML. */
export function podYaml(name: string, spec: string): string {
  return `apiVersion: v1\nkind: Pod\nmetadata: {name: ${name}}\nspec:\n${spec}`;
}
