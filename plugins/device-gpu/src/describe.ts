import type { AllocationFiles } from './allocation/allocation-files.ts';
import type { GpuSource } from './discovery/gpu-source.ts';
import type { OfferedGpus } from './offered-gpus.ts';

/** What `--print` shows: all that was found, as plain data. */
export function describeGpus(source: GpuSource['name'], offered: OfferedGpus, files: AllocationFiles): object {
  const { snapshot, offer } = offered;
  return {
    source,
    driverVersion: snapshot.driverVersion,
    gpus: snapshot.gpus.map(({ problem: _included, migDevices, ...gpu }) => ({
      ...gpu,
      ...stateOf(gpu.id, offered),
      migDevices: migDevices.map((mig) => ({ ...mig, ...stateOf(mig.id, offered) })),
    })),
    links: snapshot.links.all,
    resources: offer.resources.map(({ name }) => ({ name, devices: offered.describe(name) })),
    problems: offer.problems,
    controlDevices: files.control,
    driverFiles: files.mounts.map(({ hostPath, containerPath }) => ({ hostPath, containerPath })),
  };
}

function stateOf(id: string, { snapshot }: OfferedGpus): { healthy: boolean; problem?: string } {
  const problem = snapshot.problems.get(id);
  return problem === undefined ? { healthy: true } : { healthy: false, problem };
}
