import type { ContainerConfig } from '@berth/sdk/cri';

/** Annotations that older kubelets put the names of CDI devices into, separated by commas. */
const annotationPrefix = 'cdi.k8s.io/';

/** The CDI devices that a request asks for, in order. */
export function cdiNames({ CDIDevices, annotations }: ContainerConfig): string[] {
  const annotated = Object.entries(annotations).filter(([key]) => key.startsWith(annotationPrefix));
  return [...CDIDevices.map(({ name }) => name), ...annotated.flatMap(([, value]) => value.split(',').map((name) => name.trim()))];
}
