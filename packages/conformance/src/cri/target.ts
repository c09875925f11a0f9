import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Need } from '../suite.ts';
import { connectCri } from './client.ts';
import type { ContainerConfig, ContainerStatus, CriClient, ExecResult, SandboxConfig } from './messages.ts';

export interface CriTargetOptions {
  /** `unix:///path` or `host:port`. */
  runtimeEndpoint: string;
  /** Default: the runtime endpoint. */
  imageEndpoint?: string;
  /** Sent as RunPodSandbox.runtime_handler. */
  handler?: string;
  /** An image with a busybox shell. */
  image: string;
  /** False for a runtime whose containers don't run their commands: the cases that look at what a process did are skipped. */
  runsProcesses?: boolean;
  /** cgroupfs parent below which each sandbox gets one of its own; left out where the host's cgroups aren't to be used. */
  cgroupParent?: string;
}

const pollMs = 20;

/** A CRI server under test. */
export class CriTarget {
  readonly client: CriClient & { close(): void };
  readonly coverage: () => { covered: number; total: number };
  readonly options: CriTargetOptions;

  constructor(options: CriTargetOptions) {
    const { client, coverage } = connectCri(options.runtimeEndpoint, options.imageEndpoint ?? options.runtimeEndpoint);
    this.client = client;
    this.coverage = coverage;
    this.options = options;
  }

  /** Pulls the image of the cases unless it is present. */
  async ensureImage(): Promise<void> {
    const image = { image: this.options.image };
    if ((await this.client.ImageStatus({ image })).image === null) await this.client.PullImage({ image });
  }

  /** A sandbox configuration with a name of its own. */
  sandboxConfig(change: Partial<SandboxConfig> = {}): SandboxConfig {
    const uid = randomUUID();
    const parent = this.options.cgroupParent;
    return {
      metadata: { name: `conformance-${uid.slice(0, 8)}`, uid, namespace: 'berth-conformance', attempt: 0 },
      ...(parent && { linux: { cgroupParent: `${parent}/${uid}` } }),
      ...change,
    };
  }

  /** Runs `work` with a sandbox that is stopped and removed afterwards, whatever happened. */
  async withSandbox<Result>(config: SandboxConfig, work: (sandboxId: string) => Promise<Result>): Promise<Result> {
    const { podSandboxId } = await this.client.RunPodSandbox({ config, runtimeHandler: this.options.handler ?? '' });
    try {
      return await work(podSandboxId);
    } finally {
      await this.client.StopPodSandbox({ podSandboxId });
      await this.client.RemovePodSandbox({ podSandboxId });
    }
  }

  /** Runs `work` with a created container in a sandbox of its own. */
  async withContainer<Result>(change: Partial<ContainerConfig>, work: (container: TestContainer) => Promise<Result>): Promise<Result> {
    const logDirectory = mkdtempSync(join(tmpdir(), 'berth-conformance-'));
    const config = this.sandboxConfig({ logDirectory });
    try {
      return await this.withSandbox(config, async (sandboxId) => work(await this.createContainer(sandboxId, config, change)));
    } finally {
      rmSync(logDirectory, { recursive: true, force: true });
    }
  }

  async createContainer(podSandboxId: string, sandboxConfig: SandboxConfig, change: Partial<ContainerConfig> = {}): Promise<TestContainer> {
    const config: ContainerConfig = {
      metadata: { name: 'main', attempt: 0 },
      image: { image: this.options.image },
      command: ['sleep', '1000'],
      logPath: 'main.log',
      ...change,
    };
    const { containerId } = await this.client.CreateContainer({ podSandboxId, config, sandboxConfig });
    return new TestContainer(this.client, containerId, podSandboxId, join(sandboxConfig.logDirectory ?? '', config.logPath ?? ''));
  }
}

/** One container of a case. */
export class TestContainer {
  readonly id: string;
  readonly sandboxId: string;
  readonly #client: CriClient;
  readonly #logFile: string;

  constructor(client: CriClient, id: string, sandboxId: string, logFile: string) {
    this.#client = client;
    this.id = id;
    this.sandboxId = sandboxId;
    this.#logFile = logFile;
  }

  async start(): Promise<void> {
    await this.#client.StartContainer({ containerId: this.id });
  }

  /** `timeout` in seconds; 0 kills at once. */
  async stop(timeout: number): Promise<void> {
    await this.#client.StopContainer({ containerId: this.id, timeout });
  }

  async remove(): Promise<void> {
    await this.#client.RemoveContainer({ containerId: this.id });
  }

  /** `timeout` in seconds; 0 for none. */
  async execSync(cmd: string[], timeout = 0): Promise<ExecResult> {
    return this.#client.ExecSync({ containerId: this.id, cmd, timeout });
  }

  async status(): Promise<ContainerStatus> {
    return (await this.#client.ContainerStatus({ containerId: this.id })).status;
  }

  /** The status once the container has ended. */
  async ended(signal: AbortSignal): Promise<ContainerStatus> {
    for (;;) {
      const status = await this.status();
      if (status.state === 'CONTAINER_EXITED') return status;
      await sleep(pollMs, undefined, { signal });
    }
  }

  /** Resolves when a line of the log matches. */
  async logged(pattern: RegExp, signal: AbortSignal): Promise<void> {
    while (!this.log().some((line) => pattern.test(line))) await sleep(pollMs, undefined, { signal });
  }

  /** The log file, line by line. */
  log(): string[] {
    return readFileSync(this.#logFile, 'utf8').split('\n').slice(0, -1);
  }
}

/** For cases that look at what a container's process did. */
export const processes: Need<CriTarget> = {
  name: 'processes',
  missing: async (target) => (target.options.runsProcesses === false ? 'the containers of this runtime run no processes' : undefined),
};
