import { PluginError } from '@berth/sdk/errors';
import { countOf, type MachineTopology } from '../machine/machine-topology.ts';
import type { TopologyManagerPolicy } from '../topology-manager/policies.ts';

const optionFields = {
  'full-pcpus-only': 'fullPhysicalCpusOnly',
  'distribute-cpus-across-numa': 'distributeAcrossNuma',
  'align-by-socket': 'alignBySocket',
  'distribute-cpus-across-cores': 'distributeAcrossCores',
  'strict-cpu-reservation': 'strictReservation',
  'prefer-align-cpus-by-uncorecache': 'alignByUncoreCache',
} as const;

type OptionName = keyof typeof optionFields;

/** The options of the static policy, by kubelet's names in `optionFields`. */
export type CpuPolicyOptions = Record<(typeof optionFields)[OptionName], boolean>;

/** Pairs of which only one can be had. */
const conflicts: [OptionName, OptionName][] = [
  ['full-pcpus-only', 'distribute-cpus-across-cores'],
  ['prefer-align-cpus-by-uncorecache', 'distribute-cpus-across-cores'],
  ['prefer-align-cpus-by-uncorecache', 'distribute-cpus-across-numa'],
];

/** Reads `cpuManagerPolicyOptions`. INVALID_ARGUMENT for an unknown option, a value that is no boolean, or options that exclude each other. */
export function readCpuPolicyOptions(written: Readonly<Record<string, string>>): CpuPolicyOptions {
  for (const [name, value] of Object.entries(written)) {
    if (!Object.hasOwn(optionFields, name)) throw refused(name, `there is no such option; use ${Object.keys(optionFields).join(', ')}`);
    if (value !== 'true' && value !== 'false') throw refused(name, `${JSON.stringify(value)} is neither "true" nor "false"`);
  }
  for (const [one, other] of conflicts) {
    if (written[one] === 'true' && written[other] === 'true') throw refused(one, `it excludes ${other}; leave one of them out`);
  }
  const read = Object.entries(optionFields).map(([name, field]) => [field, written[name] === 'true']);
  return Object.fromEntries(read) as CpuPolicyOptions;
}

/** Refuses options that this machine or the policy of the topology manager rules out. */
export function checkCpuPolicyOptions(options: CpuPolicyOptions, machine: MachineTopology, topologyPolicy: TopologyManagerPolicy): void {
  if (!options.alignBySocket) return;
  if (topologyPolicy === 'single-numa-node') {
    throw refused('align-by-socket', 'it excludes the topology manager policy single-numa-node; use another policy');
  }
  if (countOf(machine, 'socket') > countOf(machine, 'numaNode')) {
    throw refused('align-by-socket', 'this machine has more sockets than NUMA nodes; leave it out');
  }
}

function refused(name: string, what: string): PluginError {
  const [why = '', hint] = what.split('; ');
  return new PluginError('INVALID_ARGUMENT', why, { object: `cpuManagerPolicyOptions[${name}]`, hint });
}
