import { PluginError } from '@berth/sdk/errors';
import { z } from 'zod';
import { type DumpedValue, goChecksum } from '../checkpoint/dumped-value.ts';
import { PolicyStateFile } from '../checkpoint/policy-state-file.ts';
import { CpuSet } from '../machine/cpu-set.ts';

/** Who has which CPUs. */
export interface CpuState {
  /** Those of all containers that have none of their own; empty: nothing has been decided yet. */
  defaultCpuSet: CpuSet;
  /** Of single containers, by pod uid and container name. */
  entries: Map<string, Map<string, CpuSet>>;
}

const content = z.object({
  defaultCpuSet: z.string(),
  entries: z.record(z.string(), z.record(z.string(), z.string())).optional(),
});
type Content = z.infer<typeof content>;

/** Kubelet's file `cpu_manager_state`, with its format and checksum (CPUManagerCheckpoint). */
export class CpuStateFile {
  readonly #file: PolicyStateFile<Content>;

  constructor(path: string, policyName: string) {
    this.#file = new PolicyStateFile({ path, name: 'CPU manager state', policyName, content, checksumOf });
  }

  /** An empty state if there is no file. FAILED_PRECONDITION for one that is broken or of another policy. */
  load(): CpuState {
    const { defaultCpuSet, entries = {} } = this.#file.load() ?? { defaultCpuSet: '' };
    return {
      defaultCpuSet: this.#read(defaultCpuSet),
      entries: new Map(Object.entries(entries).map(([uid, containers]) => [uid, this.#readAll(containers)])),
    };
  }

  save({ defaultCpuSet, entries }: CpuState): void {
    const containers = [...entries].map(([uid, sets]) => [uid, Object.fromEntries([...sets].map(([name, cpus]) => [name, `${cpus}`]))]);
    this.#file.save({ defaultCpuSet: `${defaultCpuSet}`, ...(entries.size > 0 && { entries: Object.fromEntries(containers) }) });
  }

  /** Why the file can't be gone on with, and what to do about it. */
  unusable(what: string): PluginError {
    return this.#file.unusable(what);
  }

  #readAll(containers: Record<string, string>): Map<string, CpuSet> {
    return new Map(Object.entries(containers).map(([name, cpus]) => [name, this.#read(cpus)]));
  }

  #read(cpus: string): CpuSet {
    try {
      return CpuSet.parse(cpus);
    } catch (thrown) {
      throw this.#file.unusable(PluginError.from(thrown).message, thrown);
    }
  }
}

function checksumOf(policyName: string, { defaultCpuSet, entries = {} }: Content): number {
  return goChecksum('state.CPUManagerCheckpoint', [
    ['PolicyName', 'string', plain(policyName)],
    ['DefaultCPUSet', 'string', plain(defaultCpuSet)],
    ['Entries', 'map[string]map[string]string', mapOf(entries, (containers) => mapOf(containers, plain))],
    ['Checksum', 'checksum.Checksum', plain('0')],
  ]);
}

function plain(value: string): DumpedValue {
  return { kind: 'plain', value };
}

function mapOf<T>(record: Record<string, T>, dumped: (value: T) => DumpedValue): DumpedValue {
  return { kind: 'map', entries: new Map(Object.entries(record).map(([key, value]) => [key, dumped(value)])) };
}
