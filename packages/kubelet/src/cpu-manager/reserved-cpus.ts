import { PluginError } from '@berth/sdk/errors';
import { CpuSet } from '../machine/cpu-set.ts';
import { cpusWhere, type MachineTopology } from '../machine/machine-topology.ts';
import { takePacked } from './cpu-accumulator.ts';

/** The CPUs of the list that reservedSystemCPUs is. INVALID_ARGUMENT for one that this machine doesn't have. */
export function namedCpus(machine: MachineTopology, reservedSystemCPUs: string): CpuSet {
  const all = cpusWhere(machine);
  const named = CpuSet.parse(reservedSystemCPUs);
  const missing = named.difference(all);
  if (missing.size > 0) throw refused('reservedSystemCPUs', `this machine has no CPU ${missing} (it has ${all})`);
  return named;
}

/** The CPUs that are kept from exclusive use: those named, or as many as the reserved CPU time needs. INVALID_ARGUMENT for none. */
export function reservedCpus(machine: MachineTopology, reservedSystemCPUs: string, reservedMilliCpu: bigint): CpuSet {
  const all = cpusWhere(machine);
  const named = namedCpus(machine, reservedSystemCPUs);
  const count = Math.ceil(Number(reservedMilliCpu) / 1000);
  const reserved = named.size > 0 ? named : takePacked(machine, all, count);
  if (!reserved) throw refused('kubeReserved and systemReserved', `${count} CPUs are reserved, and this machine has ${all.size}`);
  if (reserved.size > 0) return reserved;
  throw refused(
    'cpuManagerPolicy',
    'the policy static needs CPUs that are reserved: set kubeReserved.cpu, systemReserved.cpu or reservedSystemCPUs',
  );
}

function refused(object: string, what: string): PluginError {
  return new PluginError('INVALID_ARGUMENT', what, { object });
}
