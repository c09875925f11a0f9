import type { ContainerConfig } from '@berth/sdk/cri';

/** Annotations that older kubelets put the names of CDI devices into, separated by commas. */
const annotationPrefix = 'cdi.k8s.io/';

/** The CDI devices that a request asks for, in order. */
export function cdiNames({ CDIDevices, annotations }: ContainerConfig): string[] {
  const annotated = Object.entries(annotations).filter(([key]) => isCdiKey(key));
  return [...CDIDevices.map(({ name }) => name), ...annotated.flatMap(([, value]) => value.split(',').map((name) => name.trim()))];
}

/** Whether annotations ask for CDI devices. */
export function hasCdiNames(annotations: Readonly<Record<string, string>> = {}): boolean {
  return Object.keys(annotations).some(isCdiKey);
}

function isCdiKey(key: string): boolean {
  return key.startsWith(annotationPrefix);
}
