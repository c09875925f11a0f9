import { checkIp, checkPortName, checkPortNumber } from '../names.ts';
import type { Container, ContainerPort } from '../objects.ts';
import { checkEach, checkSupported, checkUnique, type FieldError, invalid, invalidFor, required } from './field-error.ts';

const protocols = ['SCTP', 'TCP', 'UDP'];

/** The ports of one container. */
export function validatePorts(ports: ContainerPort[] | undefined, path: string, hostNetwork: boolean): FieldError[] {
  return [
    ...checkEach(path, ports, (port, at) => validatePort(port, at, hostNetwork)),
    ...checkUnique((ports ?? []).map(({ name }, index) => [`${path}[${index}].name`, name])),
  ];
}

function validatePort(
  { name, containerPort, hostPort, hostIP, protocol }: ContainerPort,
  path: string,
  hostNetwork: boolean,
): FieldError[] {
  return [
    ...(name ? invalidFor(`${path}.name`, name, checkPortName(name)) : []),
    ...(containerPort
      ? invalidFor(`${path}.containerPort`, containerPort, checkPortNumber(containerPort))
      : [required(`${path}.containerPort`)]),
    ...(hostPort ? invalidFor(`${path}.hostPort`, hostPort, checkPortNumber(hostPort)) : []),
    ...(hostNetwork && hostPort && hostPort !== containerPort
      ? [invalid(`${path}.containerPort`, containerPort, 'must match `hostPort` when `hostNetwork` is true')]
      : []),
    ...(hostIP ? invalidFor(`${path}.hostIP`, hostIP, checkIp(hostIP)) : []),
    ...checkSupported(`${path}.protocol`, protocol, protocols),
  ];
}

/** A host port can be given once in a pod for each protocol and address. */
export function validateHostPortConflicts(containers: Container[], path: string): FieldError[] {
  return checkUnique(
    containers.flatMap(({ ports }, container) =>
      (ports ?? []).map(({ hostPort, hostIP = '', protocol = 'TCP' }, index): [string, string | undefined] => [
        `${path}[${container}].ports[${index}].hostPort`,
        hostPort ? `${protocol}/${hostIP}/${hostPort}` : undefined,
      ]),
    ),
  );
}
