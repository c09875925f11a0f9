import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { outsideScopes } from '../case-scope.ts';
import { type Coverage, SkipCase } from '../suite.ts';
import { withCleanUp } from '../with-clean-up.ts';
import { apiReleaseOf, excuseFor } from './api-release.ts';
import { podCgroup, removeCgroupParent } from './cgroup-parent.ts';
import { type CoveredClient, connectCri } from './client.ts';
import type { ImagePublisher } from './image-publisher.ts';
import type { ContainerConfig, CriClient, SandboxConfig } from './messages.ts';
import { type FinishedContainer, removeSandbox, type TestContainer, TestPod } from './pod.ts';
import { newestRelease } from './protocol.ts';
import type { ImageName, ImageReferences } from './test-images.ts';

export interface CriTargetOptions {
  /** `unix:///path` or `host:port`. */
  runtimeEndpoint: string;
  /** Default: the runtime endpoint. */
  imageEndpoint?: string;
  /** Sent as RunPodSandbox.runtime_handler. */
  handler?: string;
  /** Images to use instead of the suite's own; cases whose image isn't among them are skipped. */
  images?: ImageReferences;
  /** Serves images that cases make; default: the suite's own registry. Where images are mapped and it is left out, those cases are skipped. */
  publisher?: ImagePublisher;
  /** What the suite's own images are made of. Default: the static busybox on PATH. */
  busybox?: string;
  /** What the target can't do, by the name of a need, with the reason; the cases that need it are skipped with that. */
  lacks?: Record<string, string>;
  /** Below it each sandbox gets a cgroup of its own: a path, or a slice for a server whose cgroup driver is systemd. Left out where the host's cgroups aren't to be used. */
  cgroupParent?: string;
  /** Ends the server as a crash would and starts it again. Without it the cases about restarts are skipped. */
  restart?(signal: AbortSignal): Promise<void>;
  /** Release of k8s.io/cri-api that the target implements: `0.26`. Default: found out by what it answers. */
  apiRelease?: string;
}

/** Why a case that makes its images can't have them. */
export const noPublisher = "the images are mapped to others': the suite runs no registry that a case could put its own into";

const pollMs = 50;

/** A server that takes longer to tell its version hangs. */
const answerMs = 10_000;

/** A CRI server under test. */
export class CriTarget {
  readonly client: CriClient;
  readonly options: CriTargetOptions;
  readonly images: ImageReferences;
  readonly apiRelease: string;
  readonly #covered: CoveredClient;
  readonly #pulled = new Map<ImageName, Promise<string>>();
  readonly #present = new Set<ImageName>();
  #shared: Promise<TestPod> | undefined;

  private constructor(options: CriTargetOptions, images: ImageReferences, apiRelease: string) {
    this.options = options;
    this.images = images;
    this.apiRelease = apiRelease;
    this.#covered = connectTo(options, apiRelease);
    this.client = this.#covered.client;
  }

  /** Connects, and finds out which API the target has. Throws DEADLINE_EXCEEDED if it doesn't tell its version in that time. */
  static async open(options: CriTargetOptions, images: ImageReferences, deadlineMs = answerMs): Promise<CriTarget> {
    const { client } = connectTo(options, newestRelease);
    try {
      await client.Version({ version: 'v1' }, { deadlineMs });
      return new CriTarget(options, images, options.apiRelease ?? (await apiReleaseOf(client)));
    } finally {
      client.close();
    }
  }

  /** Throws unless the server still answers. */
  async alive(): Promise<void> {
    await this.client.Version({ version: 'v1' }, { deadlineMs: answerMs });
  }

  coverage(): Coverage {
    return this.#covered.coverage.report();
  }

  /** Removes what the cases shared, and the images that weren't there before. Throws what couldn't be removed, once all was tried. */
  async close(): Promise<void> {
    const shared = await this.#shared?.catch(() => undefined);
    const pulled = [...this.#pulled.keys()].filter((name) => !this.#present.has(name));
    const steps = [async () => shared?.remove(), ...pulled.map((name) => () => this.removeImage(name))];
    const failures: unknown[] = [];
    for (const step of steps) await step().catch((error: unknown) => failures.push(error));
    if (this.options.cgroupParent) await removeCgroupParent(this.options.cgroupParent).catch((error: unknown) => failures.push(error));
    this.#covered.client.close();
    if (failures.length > 0) throw failures[0];
  }

  /** The id of one of the test images, which is pulled when it is first needed. */
  async image(name: ImageName): Promise<string> {
    const reference = this.reference(name);
    const pulled = this.#pulled.get(name) ?? outsideScopes(() => this.#pull(name, reference));
    this.#pulled.set(name, pulled);
    try {
      return await pulled;
    } catch (error) {
      if (this.#pulled.get(name) === pulled) this.#pulled.delete(name);
      throw error;
    }
  }

  /** The name that it is pulled by; the case is skipped where there is none. */
  reference(name: ImageName): string {
    const reference = this.images[name];
    if (reference === undefined) throw new SkipCase(`no image ${name} is mapped`);
    return reference;
  }

  /** Where the case can put images of its own; it is skipped where there is no such place. */
  get publisher(): ImagePublisher {
    if (this.options.publisher) return this.options.publisher;
    throw new SkipCase(noPublisher);
  }

  async removeImage(name: ImageName): Promise<void> {
    await this.client.RemoveImage({ image: { image: this.reference(name) } });
    this.#pulled.delete(name);
  }

  async #pull(name: ImageName, reference: string): Promise<string> {
    const image = { image: reference };
    const present = (await this.client.ImageStatus({ image })).image;
    if (present) this.#present.add(name);
    return present?.id ?? (await this.client.PullImage({ image })).imageRef;
  }

  /** A sandbox configuration with a name of its own; what `change` says of `linux` is added to the namespaces that kubelets ask for. */
  sandboxConfig(change: Partial<SandboxConfig> = {}): SandboxConfig {
    const uid = randomUUID();
    const parent = this.options.cgroupParent;
    const securityContext = { namespaceOptions: podNamespaces, ...change.linux?.securityContext };
    return {
      metadata: { name: `conformance-${uid.slice(0, 8)}`, uid, namespace: 'berth-conformance', attempt: 0 },
      hostname: 'conformance',
      ...change,
      linux: { ...(parent && { cgroupParent: podCgroup(parent, uid) }), ...change.linux, securityContext },
    };
  }

  /** Runs `work` with a sandbox that is stopped and removed afterwards, whatever happened. */
  async withSandbox<Result>(config: SandboxConfig, work: (sandboxId: string) => Promise<Result>): Promise<Result> {
    const { podSandboxId } = await this.client.RunPodSandbox({ config, runtimeHandler: this.options.handler ?? '' });
    return withCleanUp(
      () => work(podSandboxId),
      () => removeSandbox(this.client, podSandboxId),
    );
  }

  /** Runs `work` with a pod of its own. */
  async withPod<Result>(change: Partial<SandboxConfig>, work: (pod: TestPod) => Promise<Result>): Promise<Result> {
    const pod = await this.startPod(change);
    return withCleanUp(
      () => work(pod),
      () => pod.remove(),
    );
  }

  /** Runs `work` with a created container in the pod that many cases share. */
  async withContainer<Result>(change: Partial<ContainerConfig>, work: (container: TestContainer) => Promise<Result>): Promise<Result> {
    const container = await (await this.sharedPod()).create(change);
    return withCleanUp(
      () => work(container),
      async () => {
        if (!container.isRemoved) await container.remove();
      },
    );
  }

  /** Runs a container of the shared pod to its end. */
  async finished(change: Partial<ContainerConfig>, signal: AbortSignal): Promise<FinishedContainer> {
    return this.withContainer(change, (container) => container.finish(signal));
  }

  /** What a shell script prints in a container of the shared pod, whose configuration `change` adds to. */
  async script(script: string, signal: AbortSignal, change: Partial<ContainerConfig> = {}): Promise<string> {
    const { stdout, stderr, status } = await this.finished({ command: ['sh', '-c', script], ...change }, signal);
    if (status.exitCode !== 0) throw new Error(`"${script}" ended with ${status.exitCode}: ${[...stdout, ...stderr].join(' | ')}`);
    return stdout.join('\n');
  }

  /** A pod for cases that leave it as it was; one that is no longer ready is replaced. */
  async sharedPod(): Promise<TestPod> {
    const shared = this.#shared;
    const current = await shared?.catch(() => undefined);
    if (current && (await current.isReady())) return current;
    // The first who finds it unusable makes the new one, for all.
    if (this.#shared === shared) {
      this.#shared = outsideScopes(() => this.startPod());
      await current?.remove();
    }
    return this.#shared as Promise<TestPod>;
  }

  /** Crashes the server and waits until it answers again. */
  async restart(signal: AbortSignal): Promise<void> {
    await this.options.restart?.(signal);
    for (;;) {
      const answer = await this.client.Version({ version: 'v1' }, { deadlineMs: 1000 }).catch(() => undefined);
      if (answer) return;
      await sleep(pollMs, undefined, { signal });
    }
  }

  /** A pod of its own, that the caller removes. */
  async startPod(change: Partial<SandboxConfig> = {}): Promise<TestPod> {
    const image = await this.image('shell');
    const logDirectory = mkdtempSync(join(tmpdir(), 'berth-conformance-'));
    const config = this.sandboxConfig({ logDirectory, ...change });
    try {
      const { podSandboxId } = await this.client.RunPodSandbox({ config, runtimeHandler: this.options.handler ?? '' });
      return new TestPod(this.client, podSandboxId, config, logDirectory, image);
    } catch (error) {
      rmSync(logDirectory, { recursive: true, force: true });
      throw error;
    }
  }
}

/** What kubelets ask for where a pod asks for nothing: the zero value of `pid` would be one PID namespace for the pod. */
export const podNamespaces = { network: 'POD', pid: 'CONTAINER', ipc: 'POD' } as const;

function connectTo({ runtimeEndpoint, imageEndpoint }: CriTargetOptions, release: string): CoveredClient {
  return connectCri({ runtimeEndpoint, imageEndpoint: imageEndpoint ?? runtimeEndpoint, excuse: (rpc) => excuseFor(rpc, release) });
}
