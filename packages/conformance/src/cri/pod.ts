import { readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { withCleanUp } from '../with-clean-up.ts';
import type { ContainerConfig, ContainerStatus, CriClient, ExecResult, SandboxConfig, SandboxStatus } from './messages.ts';

const pollMs = 20;
const settlingMs = 40;

/** A sandbox of a case, with a directory for the logs of its containers. */
export class TestPod {
  readonly id: string;
  readonly config: SandboxConfig;
  readonly logDirectory: string;
  readonly #client: CriClient;
  readonly #image: string;
  #count = 0;

  constructor(client: CriClient, id: string, config: SandboxConfig, logDirectory: string, image: string) {
    this.#client = client;
    this.id = id;
    this.config = config;
    this.logDirectory = logDirectory;
    this.#image = image;
  }

  async status(): Promise<SandboxStatus> {
    return (await this.#client.PodSandboxStatus({ podSandboxId: this.id })).status;
  }

  async isReady(): Promise<boolean> {
    const { items } = await this.#client.ListPodSandbox({ filter: { id: this.id, state: { state: 'SANDBOX_READY' } } });
    return items.length > 0;
  }

  /** A container that sleeps, with the namespaces of the pod, where `change` says nothing else. */
  async create(change: Partial<ContainerConfig> = {}): Promise<TestContainer> {
    const name = `c${this.#count++}`;
    const namespaceOptions = this.config.linux?.securityContext?.namespaceOptions;
    const config: ContainerConfig = {
      metadata: { name, attempt: 0 },
      image: { image: this.#image },
      command: ['sleep', '1000'],
      logPath: `${name}.log`,
      ...change,
      linux: { ...change.linux, securityContext: { ...(namespaceOptions && { namespaceOptions }), ...change.linux?.securityContext } },
    };
    const { containerId } = await this.#client.CreateContainer({ podSandboxId: this.id, config, sandboxConfig: this.config });
    return new TestContainer(this.#client, containerId, this.id, join(this.logDirectory, config.logPath ?? ''));
  }

  async start(change: Partial<ContainerConfig> = {}): Promise<TestContainer> {
    const container = await this.create(change);
    await container.start();
    return container;
  }

  /** Stops and removes it, with its logs; one that the case has removed itself is no error. */
  async remove(): Promise<void> {
    try {
      const { items } = await this.#client.ListPodSandbox({ filter: { id: this.id } });
      if (items.length === 0) return;
      await removeSandbox(this.#client, this.id);
    } finally {
      rmSync(this.logDirectory, { recursive: true, force: true });
    }
  }
}

/** Stops and removes a sandbox. One that can't be stopped is to be removed all the same. */
export async function removeSandbox(client: CriClient, podSandboxId: string): Promise<void> {
  await withCleanUp(
    () => client.StopPodSandbox({ podSandboxId }),
    async () => void (await client.RemovePodSandbox({ podSandboxId })),
  );
}

/** What a container has left once it has ended. */
export interface FinishedContainer {
  status: ContainerStatus;
  /** Lines, put together again where the log has them in parts. */
  stdout: string[];
  stderr: string[];
}

/** One container of a case. */
export class TestContainer {
  readonly id: string;
  readonly sandboxId: string;
  readonly logFile: string;
  readonly #client: CriClient;
  #removed = false;

  constructor(client: CriClient, id: string, sandboxId: string, logFile: string) {
    this.#client = client;
    this.id = id;
    this.sandboxId = sandboxId;
    this.logFile = logFile;
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
    this.#removed = true;
  }

  /** Whether `remove` has succeeded. */
  get isRemoved(): boolean {
    return this.#removed;
  }

  /** `timeout` in seconds; 0 for none. */
  async execSync(cmd: string[], timeout = 0): Promise<ExecResult> {
    return this.#client.ExecSync({ containerId: this.id, cmd, timeout });
  }

  /** What a shell script prints inside; throws if it fails. */
  async script(script: string): Promise<string> {
    const { stdout, stderr, exitCode } = await this.execSync(['sh', '-c', script]);
    if (exitCode !== 0) throw new Error(`"${script}" ended with ${exitCode}: ${stdout}${stderr}`);
    return stdout.toString().trimEnd();
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

  /** Starts it, waits for its end, and reads its log. */
  async finish(signal: AbortSignal): Promise<FinishedContainer> {
    await this.start();
    const status = await this.ended(signal);
    await this.#logSettles(signal);
    return { status, stdout: this.output('stdout'), stderr: this.output('stderr') };
  }

  /** A server may tell of the end before it has written the last of the log; CRI doesn't say that it must not. */
  async #logSettles(signal: AbortSignal): Promise<void> {
    for (let size = -1, next = this.#logSize(); size !== next; next = this.#logSize()) {
      size = next;
      await sleep(settlingMs, undefined, { signal });
    }
  }

  #logSize(): number {
    return statSync(this.logFile, { throwIfNoEntry: false })?.size ?? 0;
  }

  /** The log file, line by line; none if there is no file. */
  log(): string[] {
    return readFileSync(this.logFile, 'utf8').split('\n').slice(0, -1);
  }

  /** What the log has of one stream, with partial lines joined. */
  output(stream: 'stdout' | 'stderr'): string[] {
    const lines: string[] = [];
    let partial = '';
    for (const line of this.log()) {
      const [, from, tag, text = ''] = /^\S+ (\S+) ([FP])\S* (.*)$/s.exec(line) ?? [];
      if (from !== stream) continue;
      partial += text;
      if (tag === 'P') continue;
      lines.push(partial);
      partial = '';
    }
    return partial === '' ? lines : [...lines, partial];
  }

  /** Resolves once the log has a line of stdout that matches. */
  async says(pattern: RegExp, signal: AbortSignal): Promise<void> {
    while (!this.#said(pattern)) await sleep(pollMs, undefined, { signal });
  }

  #said(pattern: RegExp): boolean {
    try {
      return this.output('stdout').some((line) => pattern.test(line));
    } catch {
      return false;
    }
  }
}
