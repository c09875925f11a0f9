import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Pod } from '@berth/api/objects';
import { ReopenContainerLogRequest } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import { allStatuses } from '../pod.ts';
import { logFileName, type PodDirectories } from '../pod-directories.ts';
import type { NodeRuntimes } from '../runtime/node-runtimes.ts';
import { untilDue } from '../until-due.ts';
import { type LogRotationOptions, rotateLog } from './log-rotation.ts';

interface ContainerLogManagerParts {
  directories: PodDirectories;
  runtimes: NodeRuntimes;
  kubelet: {
    /** With their status: running containers are known by it. */
    pods(): Pod[];
  };
  clock: Clock;
  log: Logger;
}

/** A log that is being written. */
interface RunningLog {
  path: string;
  handler: string;
  containerId: string;
}

/** The longest that a runtime may take to begin a new log. */
const reopenLimitMs = 30_000;

/** Keeps the logs of running containers small: looks at them now and then, and rotates those that are too large. */
export class ContainerLogManager {
  readonly #parts: ContainerLogManagerParts;
  readonly #options: LogRotationOptions;

  constructor(parts: ContainerLogManagerParts, options: LogRotationOptions) {
    if (options.containerLogMaxFiles <= 1) {
      throw new PluginError('INVALID_ARGUMENT', `invalid MaxFiles ${options.containerLogMaxFiles}, must be > 1`, {
        object: 'containerLogMaxFiles',
        hint: 'keep two files at least',
      });
    }
    this.#parts = parts;
    this.#options = options;
  }

  /** Until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { containerLogMaxSize, containerLogMonitorIntervalMs } = this.#options;
    while (containerLogMaxSize >= 0 && !signal.aborted) {
      await this.rotate(signal);
      await untilDue(this.#parts.clock, containerLogMonitorIntervalMs, signal);
    }
  }

  /** Rotates what is too large now. What fails is logged, and looked at again the next time. */
  async rotate(signal: AbortSignal): Promise<void> {
    const logs = this.#parts.kubelet.pods().flatMap((pod) => this.#logsOf(pod));
    const work = async (): Promise<void> => {
      for (let next = logs.shift(); next && !signal.aborted; next = logs.shift()) await this.#rotateIfLarge(next, signal);
    };
    await Promise.all(Array.from({ length: Math.max(1, this.#options.containerLogMaxWorkers) }, work));
  }

  #logsOf(pod: Pod): RunningLog[] {
    return allStatuses(pod.status).flatMap(({ name, state, containerID, restartCount }) => {
      const [handler, containerId] = containerID?.split('://') ?? [];
      if (!state?.running || handler === undefined || containerId === undefined) return [];
      const path = join(this.#parts.directories.logDirectory(pod), name, logFileName(restartCount));
      return [{ path, handler, containerId }];
    });
  }

  async #rotateIfLarge(log: RunningLog, signal: AbortSignal): Promise<void> {
    const { containerLogMaxSize, containerLogMaxFiles } = this.#options;
    try {
      const size = await this.#sizeOf(log, signal);
      if (size < containerLogMaxSize) return;
      await rotateLog(log.path, containerLogMaxFiles, this.#parts.clock.now(), () => this.#reopen(log, signal));
    } catch (error) {
      if (!signal.aborted) this.#parts.log.error({ err: error, path: log.path }, 'the log could not be rotated');
    }
  }

  /** A log that is gone, as after a kubelet that was killed between renaming it and the runtime's answer, is begun anew. */
  async #sizeOf(log: RunningLog, signal: AbortSignal): Promise<number> {
    const found = await stat(log.path).catch(() => undefined);
    if (found) return found.size;
    await this.#reopen(log, signal);
    return (await stat(log.path)).size;
  }

  async #reopen({ handler, containerId }: RunningLog, signal: AbortSignal): Promise<void> {
    const { runtime } = this.#parts.runtimes.get(handler);
    await runtime.reopenContainerLog(ReopenContainerLogRequest.create({ containerId }), { signal, deadlineMs: reopenLimitMs });
  }
}
