import { connect } from '@berth/sdk/connect';
import {
  CreateContainerRequest,
  type NamespaceMode,
  PodSandboxConfig,
  RemovePodSandboxRequest,
  RunPodSandboxRequest,
  RuntimeServiceService,
  SecurityProfile_ProfileType,
  StartContainerRequest,
  StopContainerRequest,
  StopPodSandboxRequest,
} from '@berth/sdk/cri';
import { concurrently } from './concurrently.ts';
import { pauseForInterruption } from './interruption.ts';
import { stopwatch } from './stopwatch.ts';

const image = 'localhost/busybox:1';
/** Said on both sides: what a request leaves out, servers fill in differently, and runc takes long to compile a filter. */
const seccomp = { profileType: SecurityProfile_ProfileType.RuntimeDefault };
export const steps = ['RunPodSandbox', 'CreateContainer', 'StartContainer', 'up', 'stop', 'remove'] as const;
type Step = (typeof steps)[number];
/** Milliseconds of each step. */
export type Timings = Record<Step, number>;

/** Leftovers that are removed at once. */
const mostRemovals = 8;

/** Pods of one container that sleeps, on a CRI server. */
export class Pods {
  readonly #runtime;
  readonly #pid: NamespaceMode;
  /** Ids of the sandboxes that are there. */
  readonly #sandboxes = new Set<string>();
  #serial = 0;

  /** With `pid` POD the containers of a pod share a PID namespace, which takes us a pause process; containerd makes one always. */
  constructor(endpoint: string, pid: NamespaceMode) {
    this.#runtime = connect(RuntimeServiceService, endpoint);
    this.#pid = pid;
  }

  /** One pod up, stopped and removed; milliseconds of each step. */
  async cycle(): Promise<Timings> {
    const pod = await this.up();
    return { ...pod.timings, ...(await this.down(pod.sandboxId, pod.containerId)) };
  }

  /** Begins no pod once the bench is interrupted. */
  async up(): Promise<{ sandboxId: string; containerId: string; timings: Omit<Timings, 'stop' | 'remove'> }> {
    pauseForInterruption();
    const name = `bench-${process.pid}-${this.#serial++}`;
    const config = PodSandboxConfig.fromPartial({
      metadata: { name, uid: name, namespace: 'bench', attempt: 0 },
      logDirectory: '',
      linux: { cgroupParent: `/berth-bench/${name}`, securityContext: { namespaceOptions: { pid: this.#pid } } },
    });
    const clock = stopwatch();
    const { podSandboxId } = await this.#runtime.runPodSandbox(RunPodSandboxRequest.fromPartial({ config }));
    this.#sandboxes.add(podSandboxId);
    const sandbox = clock();
    const container = {
      metadata: { name: 'main', attempt: 0 },
      image: { image },
      command: ['sleep', '1000'],
      linux: { securityContext: { seccomp, namespaceOptions: { pid: this.#pid } } },
    };
    const { containerId } = await this.#runtime.createContainer(
      CreateContainerRequest.fromPartial({ podSandboxId, config: container, sandboxConfig: config }),
    );
    const create = clock();
    await this.#runtime.startContainer(StartContainerRequest.fromPartial({ containerId }));
    const start = clock();
    return {
      sandboxId: podSandboxId,
      containerId,
      timings: { RunPodSandbox: sandbox, CreateContainer: create, StartContainer: start, up: sandbox + create + start },
    };
  }

  async down(podSandboxId: string, containerId: string): Promise<Pick<Timings, 'stop' | 'remove'>> {
    pauseForInterruption();
    const clock = stopwatch();
    await this.#runtime.stopContainer(StopContainerRequest.fromPartial({ containerId, timeout: 0n }));
    await this.#runtime.stopPodSandbox(StopPodSandboxRequest.fromPartial({ podSandboxId }));
    const stop = clock();
    await this.#runtime.removePodSandbox(RemovePodSandboxRequest.fromPartial({ podSandboxId }));
    this.#sandboxes.delete(podSandboxId);
    return { stop, remove: clock() };
  }

  /** Removes the pods that a failure or an interruption has left. */
  async close(): Promise<void> {
    try {
      await concurrently([...this.#sandboxes], mostRemovals, (podSandboxId) => this.#remove(podSandboxId));
    } finally {
      this.#runtime.close();
    }
  }

  async #remove(podSandboxId: string): Promise<void> {
    await this.#runtime.stopPodSandbox(StopPodSandboxRequest.fromPartial({ podSandboxId }));
    await this.#runtime.removePodSandbox(RemovePodSandboxRequest.fromPartial({ podSandboxId }));
  }
}
