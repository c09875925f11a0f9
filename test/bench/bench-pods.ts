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
import { pauseForInterruption } from './interruption.ts';
import { stopwatch } from './stopwatch.ts';

const image = 'localhost/busybox:1';
/** Said on both sides: what a request leaves out, servers fill in differently, and runc takes long to compile a filter. */
const seccomp = { profileType: SecurityProfile_ProfileType.RuntimeDefault };
export const steps = ['RunPodSandbox', 'CreateContainer', 'StartContainer', 'up', 'stop', 'remove'] as const;
type Step = (typeof steps)[number];
/** Milliseconds of each step. */
export type Timings = Record<Step, number>;

/** Pods of one container that sleeps, on a CRI server. */
export class Pods {
  private readonly runtime;
  private readonly pid: NamespaceMode;
  private serial = 0;

  /** With `pid` POD the containers of a pod share a PID namespace, which takes us a pause process; containerd makes one always. */
  constructor(endpoint: string, pid: NamespaceMode) {
    this.runtime = connect(RuntimeServiceService, endpoint);
    this.pid = pid;
  }

  /** One pod up, stopped and removed; milliseconds of each step. */
  async cycle(): Promise<Timings> {
    pauseForInterruption();
    const pod = await this.up();
    return { ...pod.timings, ...(await this.down(pod.sandboxId, pod.containerId)) };
  }

  async up(): Promise<{ sandboxId: string; containerId: string; timings: Omit<Timings, 'stop' | 'remove'> }> {
    const name = `bench-${process.pid}-${this.serial++}`;
    const config = PodSandboxConfig.fromPartial({
      metadata: { name, uid: name, namespace: 'bench', attempt: 0 },
      logDirectory: '',
      linux: { cgroupParent: `/berth-bench/${name}`, securityContext: { namespaceOptions: { pid: this.pid } } },
    });
    const clock = stopwatch();
    const { podSandboxId } = await this.runtime.runPodSandbox(RunPodSandboxRequest.fromPartial({ config }));
    const sandbox = clock();
    const container = {
      metadata: { name: 'main', attempt: 0 },
      image: { image },
      command: ['sleep', '1000'],
      linux: { securityContext: { seccomp, namespaceOptions: { pid: this.pid } } },
    };
    const { containerId } = await this.runtime.createContainer(
      CreateContainerRequest.fromPartial({ podSandboxId, config: container, sandboxConfig: config }),
    );
    const create = clock();
    await this.runtime.startContainer(StartContainerRequest.fromPartial({ containerId }));
    const start = clock();
    return {
      sandboxId: podSandboxId,
      containerId,
      timings: { RunPodSandbox: sandbox, CreateContainer: create, StartContainer: start, up: sandbox + create + start },
    };
  }

  async down(podSandboxId: string, containerId: string): Promise<Pick<Timings, 'stop' | 'remove'>> {
    const clock = stopwatch();
    await this.runtime.stopContainer(StopContainerRequest.fromPartial({ containerId, timeout: 0n }));
    await this.runtime.stopPodSandbox(StopPodSandboxRequest.fromPartial({ podSandboxId }));
    const stop = clock();
    await this.runtime.removePodSandbox(RemovePodSandboxRequest.fromPartial({ podSandboxId }));
    return { stop, remove: clock() };
  }

  close(): void {
    this.runtime.close();
  }
}

/** Runs `work` for each item, `concurrency` at a time, and gives the results in order. */
export async function concurrently<Item, Result>(
  items: Item[],
  concurrency: number,
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = new Array(items.length);
  const queue = items.entries();
  const worker = async (): Promise<void> => {
    for (const [index, item] of queue) results[index] = await work(item);
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  return results;
}
