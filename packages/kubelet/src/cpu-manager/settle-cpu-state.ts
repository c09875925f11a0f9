import type { CpuSet } from '../machine/cpu-set.ts';
import type { CpuState, CpuStateFile } from './cpu-state.ts';

/**
 * What the static policy goes on with: the state of its file, or for a new node all CPUs shared. `strict`: reserved CPUs aren't even shared.
 * FAILED_PRECONDITION for a state that this machine and these reservations rule out.
 */
export function settleCpuState(file: CpuStateFile, all: CpuSet, reserved: CpuSet, strict: boolean): CpuState {
  const state = file.load();
  const shareable = strict ? all.difference(reserved) : all;
  if (state.defaultCpuSet.size === 0 && state.entries.size === 0) {
    state.defaultCpuSet = shareable;
    file.save(state);
    return state;
  }
  const fault = faultOf(state, shareable, reserved, strict);
  if (fault !== undefined) throw file.unusable(fault);
  return state;
}

function faultOf({ defaultCpuSet, entries }: CpuState, shareable: CpuSet, reserved: CpuSet, strict: boolean): string | undefined {
  if (strict && reserved.intersection(defaultCpuSet).size > 0) {
    return `some of the strictly reserved CPUs ${reserved} are in its defaultCpuSet ${defaultCpuSet}`;
  }
  if (!strict && !reserved.isSubsetOf(defaultCpuSet)) return `not all reserved CPUs ${reserved} are in its defaultCpuSet ${defaultCpuSet}`;
  const owners = [...entries].flatMap(([uid, containers]) => [...containers].map(([name, cpus]) => ({ uid, name, cpus })));
  for (const { uid, name, cpus } of owners) {
    if (cpus.intersection(defaultCpuSet).size > 0)
      return `the CPUs ${cpus} of container ${name} of pod ${uid} are in its defaultCpuSet ${defaultCpuSet} too`;
    const other = owners.find((owner) => owner.uid !== uid && owner.cpus.intersection(cpus).size > 0);
    if (other) return `the pods ${uid} and ${other.uid} both have CPUs of ${cpus.intersection(other.cpus)}`;
  }
  const known = owners.reduce((total, { cpus }) => total.union(cpus), defaultCpuSet);
  if (!known.equals(shareable)) return `its CPUs ${known} aren't those of this machine, ${shareable}`;
  return undefined;
}
