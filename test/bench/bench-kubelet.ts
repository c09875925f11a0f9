import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Pod } from '@berth/api/objects';
import { stringify } from 'yaml';
import { KubeletClient } from '../../packages/cli/src/node/kubelet-client.ts';
import { BerthHome, type Running } from '../fixtures/berth.ts';
import { removeCgroups } from '../fixtures/cgroups.ts';
import type { CriServer } from '../fixtures/cri-servers.ts';
import { repository } from '../fixtures/tools.ts';
import { pauseForInterruption } from './interruption.ts';

/** What users run: from the sources Node keeps besides what strips the types. */
const program = join(repository, 'packages/cli/dist/main.js');

/** A kubelet over a server that goes on without it. */
export class BenchKubelet {
  readonly client: KubeletClient;
  readonly pid: number;
  readonly #home: BerthHome;
  readonly #running: Running;

  private constructor(home: BerthHome, running: Running) {
    this.#home = home;
    this.#running = running;
    this.pid = running.child.pid ?? 0;
    this.client = new KubeletClient(home);
  }

  static async start(server: CriServer, configuration: object = {}): Promise<BenchKubelet> {
    const home = new BerthHome();
    mkdirSync(join(home.directory, 'manifests'));
    const file = home.write(
      'kubelet.yaml',
      stringify({
        apiVersion: 'kubelet.config.k8s.io/v1beta1',
        kind: 'KubeletConfiguration',
        staticPodPath: 'manifests',
        containerRuntimeEndpoint: server.endpoint,
        enableServer: false,
        healthzPort: 0,
        failCgroupV1: false,
        failSwapOn: false,
        ...configuration,
      }),
    );
    const environment = { PATH: `${dirname(process.execPath)}:${process.env.PATH}` };
    const running = home.start(['kubelet', '--config', file, '--hostname-override', 'n'], { detached: true, program, environment });
    await running.says(/is up/);
    return new BenchKubelet(home, running);
  }

  /** Where device plugins register. */
  get pluginDirectory(): string {
    return join(this.#home.root, 'kubelet/device-plugins');
  }

  add(name: string, image: string, limits: Record<string, string> = {}): void {
    const container = { name: 'main', image, imagePullPolicy: 'IfNotPresent', command: ['sleep', '3600'], resources: { limits } };
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name },
      spec: { restartPolicy: 'Always', terminationGracePeriodSeconds: 0, hostNetwork: true, containers: [container] },
    };
    writeFileSync(join(this.#home.directory, `manifests/.${name}`), stringify(pod));
  }

  /** All at once become visible to the kubelet, as one change of the directory each. */
  async reveal(): Promise<void> {
    const directory = join(this.#home.directory, 'manifests');
    const hidden = readdirSync(directory).filter((name) => name.startsWith('.'));
    for (const name of hidden) await rename(join(directory, name), join(directory, `${name.slice(1)}.yaml`));
  }

  /** Until all pods are as asked. */
  async until(isSo: (pods: Pod[]) => boolean, everyMs = 50): Promise<void> {
    while (!isSo(await this.client.pods())) {
      pauseForInterruption();
      await sleep(everyMs);
    }
  }

  /** Until none is left. */
  async removePods(): Promise<void> {
    const directory = join(this.#home.directory, 'manifests');
    for (const name of readdirSync(directory)) rmSync(join(directory, name));
    await this.until((pods) => pods.length === 0);
  }

  /** Ends the pods, then the kubelet, and takes away what was its own. */
  async stop(): Promise<void> {
    await this.removePods();
    process.kill(this.pid, 'SIGINT');
    await this.#running.ended;
    await this.client.close();
    removeCgroups(`/${this.#home.name}`);
    this.#home.remove();
  }
}

/** Whether all containers of the pod run. */
export const isRunning = ({ status }: Pod): boolean =>
  status?.containerStatuses?.every(({ state }) => state?.running !== undefined) ?? false;

/** Builds what npm packs, and makes it executable as npm does where it installs it. */
export function buildKubelet(): void {
  execFileSync(process.execPath, [join(repository, 'node_modules/tsc7/bin/tsc'), '--build', join(repository, 'packages/cli')], {
    stdio: 'inherit',
    timeout: 300_000,
  });
  chmodSync(program, 0o755);
}
