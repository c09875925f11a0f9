import { deviceFileOf, type Gpu, type Inventory, type MigDevice } from '../discovery/gpu.ts';
import type { XidError } from '../discovery/xid.ts';

/** What is looked at, and when. */
interface HealthRules {
  /** Errors after which a GPU is in order all the same. */
  ignoredXids: readonly number[];
  /** How long no further error may come until a GPU is in order again. */
  recoverAfterMs: number;
}

/** GPUs and MIG devices as they are at one moment. */
export interface Judged {
  readonly driverVersion: string | undefined;
  /** Those there are, and those that were there before. */
  readonly gpus: readonly Gpu[];
  /** By id, of GPUs and MIG devices: what is wrong with it. Those that are in order are left out. */
  readonly problems: ReadonlyMap<string, string>;
}

interface LastError {
  xid: number;
  at: number;
}

interface UnplacedError {
  error: XidError;
  at: number;
}

/**
 * Which GPUs and MIG devices are in order: those that the driver tells of and that answer, whose device files are there, and of which no critical error
 * was told for a time. All of it may come right again. Times are milliseconds of one clock that only goes on.
 */
export class DeviceHealth {
  readonly #rules: HealthRules;
  /** The GPUs of the newest inventory, and those that have gone since the first. */
  #known = new Map<string, Gpu>();
  readonly #errors = new Map<string, LastError>();
  /** Errors of GPUs that no inventory had so far, the last of each kind. */
  #unplaced = new Map<string, UnplacedError>();

  constructor(rules: HealthRules) {
    this.#rules = rules;
  }

  /** Takes an error in; that of a GPU that isn't known counts as soon as it is. Gives whether it changes anything now. */
  noteError(error: XidError, at: number): boolean {
    if (this.#rules.ignoredXids.includes(error.xid)) return false;
    const gpus = [...this.#known.values()].filter((gpu) => isOf(error, gpu));
    if (gpus.length === 0) this.#unplaced.set(placeOf(error), { error, at });
    const hit = gpus.flatMap((gpu) => partsHit(error, gpu));
    for (const id of hit) this.#errors.set(id, { xid: error.xid, at });
    return hit.length > 0;
  }

  /** `files`: the device files that there are. */
  judge({ driverVersion, gpus }: Inventory, files: { has(path: string): boolean }, now: number): Judged {
    const gone = this.#remember(gpus);
    this.#placeErrors(now);
    const all = [...this.#known.values()].toSorted((first, second) => first.index - second.index || (first.id < second.id ? -1 : 1));
    const problems = new Map<string, string>();
    for (const gpu of all) {
      const ofGpu = gone.has(gpu.id)
        ? 'the driver tells of it no longer'
        : (gpu.problem ?? missingOf(['/dev/nvidiactl', deviceFileOf(gpu)], files));
      note(problems, gpu.id, ofGpu ?? this.#errorOf(gpu.id, now));
      for (const mig of gpu.migDevices)
        note(problems, mig.id, ofGpu ?? missingOf(mig.capabilityFiles, files) ?? this.#errorOf(mig.id, now));
    }
    return { driverVersion, gpus: all, problems };
  }

  /** Gives the ids of those that were there before and aren't now. A GPU that is in another one's place has taken it. */
  #remember(gpus: readonly Gpu[]): Set<string> {
    const present = new Set(gpus.map(({ id }) => id));
    const replaced = new Set(gpus.map(({ busId }) => busId));
    const gone = [...this.#known.values()].filter(({ id, busId }) => !present.has(id) && !replaced.has(busId));
    this.#known = new Map([...gone, ...gpus].map((gpu) => [gpu.id, gpu]));
    return new Set(gone.map(({ id }) => id));
  }

  /** Once more for those that had no GPU, as long as they count. */
  #placeErrors(now: number): void {
    const unplaced = [...this.#unplaced.values()].filter(({ at }) => now - at < this.#rules.recoverAfterMs);
    this.#unplaced = new Map();
    for (const { error, at } of unplaced) this.noteError(error, at);
  }

  #errorOf(id: string, now: number): string | undefined {
    const last = this.#errors.get(id);
    if (last === undefined) return undefined;
    const leftMs = last.at + this.#rules.recoverAfterMs - now;
    if (leftMs > 0) return `it had the error XID ${last.xid}, less than ${this.#rules.recoverAfterMs / 1000} s ago`;
    this.#errors.delete(id);
    return undefined;
  }
}

function note(problems: Map<string, string>, id: string, problem: string | undefined): void {
  if (problem !== undefined) problems.set(id, problem);
}

function placeOf({ gpu, gpuInstance, computeInstance }: XidError): string {
  return [gpu, gpuInstance, computeInstance].join();
}

function isOf({ gpu }: XidError, { uuid, busId }: Gpu): boolean {
  return gpu === undefined || gpu === uuid || busId.startsWith(`${gpu}.`);
}

/** An error of a MIG instance leaves the GPU's other ones alone. */
function partsHit(error: XidError, gpu: Gpu): string[] {
  if (error.gpuInstance === undefined) return [gpu.id, ...gpu.migDevices.map(({ id }) => id)];
  return gpu.migDevices.filter((mig) => isOfInstance(error, mig)).map(({ id }) => id);
}

function isOfInstance({ gpuInstance, computeInstance }: XidError, mig: MigDevice): boolean {
  return mig.gpuInstance === gpuInstance && (computeInstance === undefined || mig.computeInstance === computeInstance);
}

function missingOf(needed: readonly string[], files: { has(path: string): boolean }): string | undefined {
  const missing = needed.find((path) => !files.has(path));
  return missing === undefined ? undefined : `there is no device ${missing}`;
}
