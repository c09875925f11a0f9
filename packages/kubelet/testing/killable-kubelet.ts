import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Node, Pod } from '@berth/api/objects';
import { podYaml } from './node.ts';
import { TimerRuntime } from './timer-runtime.ts';

const program = join(import.meta.dirname, 'kubelet-process.ts');

/** A kubelet in a process of its own, over a timer runtime that outlives it. */
export class KillableKubelet {
  readonly directory: string;
  readonly runtime: TimerRuntime;
  #process: ChildProcess | undefined;

  static async create(): Promise<KillableKubelet> {
    const made = new KillableKubelet(mkdtempSync(join(tmpdir(), 'berth-kill-')));
    mkdirSync(join(made.directory, 'manifests'));
    await made.runtime.open();
    return made;
  }

  private constructor(directory: string) {
    this.directory = directory;
    this.runtime = new TimerRuntime(directory);
  }

  /** Begins a kubelet; resolves once it is up, or has died. */
  async start(): Promise<void> {
    const args = ['--conditions=berth-source', program, this.directory, this.runtime.address];
    this.#process = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    await Promise.race([this.died(), once(this.#process.stdout as NodeJS.ReadableStream, 'data')]);
  }

  /** At once, without a last word. */
  kill(): void {
    this.#process?.kill('SIGKILL');
  }

  /** Resolves when the kubelet's process has ended. */
  async died(): Promise<void> {
    if (this.#process && this.#process.exitCode === null && this.#process.signalCode === null) await once(this.#process, 'exit');
  }

  /** Every pod with its status; none while the kubelet doesn't answer. */
  async pods(): Promise<Pod[]> {
    return (await this.#get<{ items: Pod[] }>('/pods'))?.items ?? [];
  }

  /** How much the node has of a resource, as far as it answers. */
  async capacity(resource: string): Promise<string | undefined> {
    return (await this.#get<Node>('/node'))?.status?.capacity?.[resource] as string | undefined;
  }

  async pod(name: string): Promise<Pod | undefined> {
    return (await this.pods()).find(({ metadata }) => metadata?.name === name);
  }

  write(name: string, spec: string): void {
    writeFileSync(join(this.directory, 'manifests', `${name}.yaml`), podYaml(name, spec));
  }

  async close(): Promise<void> {
    this.kill();
    await this.died();
    this.runtime.dispose();
    await this.runtime.close();
    rmSync(this.directory, { recursive: true });
  }

  async #get<Answer>(path: string): Promise<Answer | undefined> {
    const { promise, resolve } = Promise.withResolvers<Answer | undefined>();
    const asked = request({ socketPath: join(this.directory, 'run/kubelet.sock'), path }, (response) => {
      let body = '';
      response.on('data', (chunk) => {
        body += chunk;
      });
      response.once('end', () => resolve(JSON.parse(body) as Answer));
    });
    asked.once('error', () => resolve(undefined)).end();
    return promise;
  }
}
