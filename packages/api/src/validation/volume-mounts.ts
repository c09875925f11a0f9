import type { Container, Volume, VolumeDevice, VolumeMount } from '../objects.ts';
import { checkEach, checkSupported, type FieldError, forbidden, invalid, notFound, required } from './field-error.ts';
import { validateLocalPath } from './volume-paths.ts';

/** The mounts and block devices of one container, each of which names a volume of the pod. */
export function validateVolumeMounts(container: Container, volumes: Volume[], path: string): FieldError[] {
  const { volumeMounts = [], volumeDevices = [], securityContext } = container;
  const paths = volumeMounts.map(({ mountPath }) => mountPath);
  return [
    ...checkEach(`${path}.volumeMounts`, volumeMounts, (mount, at) =>
      validateMount(mount, at, volumes, securityContext?.privileged === true),
    ),
    ...paths.flatMap((each, index) =>
      each && paths.indexOf(each) < index ? [invalid(`${path}.volumeMounts[${index}].mountPath`, each, 'must be unique')] : [],
    ),
    ...checkEach(`${path}.volumeDevices`, volumeDevices, (device, at) => validateDevice(device, at, volumes)),
  ];
}

function validateMount(mount: VolumeMount, path: string, volumes: Volume[], privileged: boolean): FieldError[] {
  const { name, mountPath, subPath, subPathExpr, mountPropagation, recursiveReadOnly, readOnly } = mount;
  return [
    ...validateVolumeName(name, `${path}.name`, volumes),
    ...(mountPath ? [] : [required(`${path}.mountPath`)]),
    ...(subPath ? validateLocalPath(subPath, `${path}.subPath`) : []),
    ...(subPathExpr ? validateLocalPath(subPathExpr, `${path}.subPathExpr`) : []),
    ...(subPath && subPathExpr ? [invalid(`${path}.subPathExpr`, subPathExpr, 'subPathExpr and subPath are mutually exclusive')] : []),
    ...checkSupported(`${path}.mountPropagation`, mountPropagation, ['Bidirectional', 'HostToContainer', 'None']),
    ...(mountPropagation === 'Bidirectional' && !privileged
      ? [forbidden(`${path}.mountPropagation`, 'Bidirectional mount propagation is available only to privileged containers')]
      : []),
    ...checkSupported(`${path}.recursiveReadOnly`, recursiveReadOnly, ['Disabled', 'Enabled', 'IfPossible']),
    ...(recursiveReadOnly && recursiveReadOnly !== 'Disabled' && !readOnly
      ? [forbidden(`${path}.recursiveReadOnly`, 'may only be specified when readOnly is true')]
      : []),
  ];
}

function validateDevice({ name, devicePath }: VolumeDevice, path: string, volumes: Volume[]): FieldError[] {
  const volume = volumes.find((each) => each.name === name);
  return [
    ...validateVolumeName(name, `${path}.name`, volumes),
    ...(volume && !volume.persistentVolumeClaim && !volume.ephemeral
      ? [invalid(`${path}.name`, name, 'can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode')]
      : []),
    ...(devicePath ? [] : [required(`${path}.devicePath`)]),
  ];
}

function validateVolumeName(name: string | undefined, path: string, volumes: Volume[]): FieldError[] {
  if (!name) return [required(path)];
  return volumes.some((volume) => volume.name === name) ? [] : [notFound(path, name)];
}
