import { join } from 'node:path';
import { type CgroupDriver, ContainerState, ImageServiceService, RuntimeServiceService } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import { type Implementation, type Served, serve } from '@berth/sdk/serve';
import { CallHooks } from './call-hooks.ts';
import { containerCalls } from './timer-containers.ts';
import { identity } from './timer-identity.ts';
import { imageCalls, type TimerImages } from './timer-images.ts';
import { TimerLife } from './timer-life.ts';
import { sandboxCalls } from './timer-sandboxes.ts';
import { sessionCalls } from './timer-sessions.ts';
import { imageStatistics, statistics, type TimerFigures } from './timer-statistics.ts';

/** A CRI server over a real socket whose containers are timers. Its state outlives a close, as a shim's does. */
export class TimerRuntime {
  readonly address: string;
  readonly #life = new TimerLife();
  readonly #hooks = new CallHooks();
  readonly sandboxes = this.#life.sandboxes;
  readonly containers = this.#life.containers;
  readonly behaviours = this.#life.behaviours;
  readonly events = this.#life.events;
  readonly calls = this.#hooks.calls;
  readonly faults = this.#hooks.faults;
  readonly lies = this.#hooks.lies;
  readonly images = new Set<string>();
  readonly imageStore: Pick<TimerImages, 'imageSizes' | 'pinned' | 'logins'> = { imageSizes: new Map(), pinned: new Set(), logins: [] };
  /** Every command that was run in a container. */
  readonly execs: string[] = [];
  /** The grace period of each StopContainer, in seconds. */
  readonly graces: number[] = [];
  /** Where sessions are: the URL of each has its request, as JSON. */
  streamingUrl = '';
  /** Undefined: RuntimeConfig is UNIMPLEMENTED. */
  cgroupDriver: CgroupDriver | undefined;
  /** What its containers use. */
  readonly figures: TimerFigures = { cpu: 0n, memory: 0n, disk: 0n, mountpoint: '/' };
  #served: Served | undefined;

  constructor(directory: string) {
    this.address = `unix://${join(directory, 'cri.sock')}`;
  }

  async open(): Promise<void> {
    this.#served = await serve(this.address, [
      [RuntimeServiceService, this.#hooks.lying(this.#runtimeService())],
      [ImageServiceService, this.#hooks.lying(this.#imageService())],
    ]);
  }

  async close(): Promise<void> {
    await this.#served?.close(0);
  }

  /** Ends every timer, for the end of a test. */
  dispose(): void {
    for (const container of this.containers.values()) clearTimeout(container.timer);
  }

  /** A container ends as if by itself. */
  exit(name: string, exitCode: number): void {
    for (const container of this.containers.values()) {
      if (container.config.metadata?.name === name && container.state === ContainerState.CONTAINER_RUNNING)
        this.#life.end(container, exitCode);
    }
  }

  /** A sandbox dies with all that is in it. */
  killSandboxes(): void {
    for (const id of this.sandboxes.keys()) this.#life.stopSandbox(id);
  }

  #runtimeService(): Implementation<RuntimeServiceService> {
    return {
      ...statistics(this),
      ...identity(this),
      ...sandboxCalls(this.#life, this.#hooks),
      ...containerCalls(this.#life, this.#hooks, this.graces),
      ...sessionCalls(this, this.#hooks),
      runtimeConfig: async (_request, context) => {
        await this.#hooks.asked('RuntimeConfig', context);
        if (this.cgroupDriver === undefined) throw new PluginError('UNIMPLEMENTED', 'it has no cgroups');
        return { linux: { cgroupDriver: this.cgroupDriver } };
      },
    };
  }

  #imageService(): Implementation<ImageServiceService> {
    const { images, faults, imageStore } = this;
    const called: TimerImages['called'] = (rpc, subject, context) => this.#hooks.called(rpc, subject, context);
    return { ...imageStatistics(this), ...imageCalls({ ...imageStore, images, faults, called }) };
  }
}
