/** The Kubernetes whose kubelet this one does as. */
export const kubernetesVersion = '1.36.0';

/** Its major and minor version, as HTTP probes and hooks give it. */
export const kubernetesMinorVersion = kubernetesVersion.split('.', 2).join('.');
