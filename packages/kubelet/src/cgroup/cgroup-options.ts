import { defaultPodValues, type PodValuesOptions } from './pod-values.ts';
import type { TierOptions } from './tier-values.ts';

/** How pods' cgroups are laid out, and what is bounded by them. Fields are those of KubeletConfiguration. */
export interface CgroupOptions extends PodValuesOptions, TierOptions {
  /** Below it is `kubepods`, in cgroupfs notation: `/berth`, which is `berth.slice` for runtimes with systemd. */
  cgroupRoot: string;
  /** Of runtimes that don't tell theirs. */
  cgroupDriver: 'cgroupfs' | 'systemd';
  /** False: no cgroup is made, and runtimes get the root as the parent of all. */
  cgroupsPerQOS: boolean;
  /** `pods`: all pods together can't have more than is for them. `system-reserved`, `kube-reserved`: nor these cgroups more than is reserved, with `-compressible` of CPU only. `none`: nobody is bounded. */
  enforceNodeAllocatable: readonly string[];
  /** Cgroups that are there, in cgroupfs notation, for what isn't pods'. */
  systemReservedCgroup?: string;
  kubeReservedCgroup?: string;
}

/** kubelet's, but for the root, which is `/` there. */
export const defaultCgroups: Omit<CgroupOptions, 'cgroupRoot'> = {
  ...defaultPodValues,
  cgroupDriver: 'cgroupfs',
  cgroupsPerQOS: true,
  enforceNodeAllocatable: ['pods'],
  qosReserved: {},
};
