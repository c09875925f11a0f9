import { checkDnsLabel } from '../names.ts';
import type { Container, EphemeralContainer, PodSpec } from '../objects.ts';
import { validateEnv, validateEnvFrom } from './env.ts';
import {
  checkEach,
  checkSupported,
  checkUnique,
  type FieldError,
  forbidden,
  invalid,
  invalidFor,
  notFound,
  required,
} from './field-error.ts';
import { validateLifecycle } from './lifecycle.ts';
import { validateHostPortConflicts, validatePorts } from './ports.ts';
import { validateProbes } from './probes.ts';
import { validateResizePolicy } from './resize-policy.ts';
import { validateResources } from './resources.ts';
import { validateRestartRules } from './restart-rules.ts';
import { validateSecurityContext } from './security-context.ts';
import { validateVolumeMounts } from './volume-mounts.ts';

const notForEphemeral = [
  'ports',
  'livenessProbe',
  'readinessProbe',
  'startupProbe',
  'lifecycle',
  'resources',
  'resizePolicy',
  'restartPolicy',
  'restartPolicyRules',
] as const;
const onlyForSidecars = ['livenessProbe', 'readinessProbe', 'startupProbe', 'lifecycle'] as const;
const defaultGraceSeconds = 30;

/** All containers of a pod: regular, init and ephemeral ones, whose names are unique together. */
export function validateContainers(spec: PodSpec, path: string): FieldError[] {
  const { containers = [], initContainers = [], ephemeralContainers = [] } = spec;
  return [
    ...(containers.length === 0 ? [required(`${path}.containers`)] : []),
    ...checkEach(`${path}.containers`, containers, (container, at) => validateContainer(container, spec, at)),
    ...checkEach(`${path}.initContainers`, initContainers, (container, at) => validateInitContainer(container, spec, at)),
    ...checkEach(`${path}.ephemeralContainers`, ephemeralContainers, (container, at) => validateEphemeralContainer(container, spec, at)),
    ...checkUnique(
      Object.entries({ containers, initContainers, ephemeralContainers }).flatMap(([list, each]) =>
        each.map(({ name }, index): [string, string | undefined] => [`${path}.${list}[${index}].name`, name]),
      ),
    ),
    ...validateHostPortConflicts(containers, `${path}.containers`),
  ];
}

function validateContainer(container: Container, spec: PodSpec, path: string): FieldError[] {
  const { name, image, ports, env, envFrom, resources, lifecycle, securityContext } = container;
  return [
    ...(name ? invalidFor(`${path}.name`, name, checkDnsLabel(name)) : [required(`${path}.name`)]),
    ...validateImage(image, `${path}.image`),
    ...checkSupported(`${path}.imagePullPolicy`, container.imagePullPolicy, ['Always', 'IfNotPresent', 'Never']),
    ...checkSupported(`${path}.terminationMessagePolicy`, container.terminationMessagePolicy, ['FallbackToLogsOnError', 'File']),
    ...validateRestartRules(container, path),
    ...validateResizePolicy(container, spec.restartPolicy, path),
    ...validatePorts(ports, `${path}.ports`, spec.hostNetwork === true),
    ...validateEnv(env, `${path}.env`),
    ...validateEnvFrom(envFrom, `${path}.envFrom`),
    ...validateVolumeMounts(container, spec.volumes ?? [], path),
    ...validateProbes(container, path),
    ...(lifecycle
      ? validateLifecycle(lifecycle, `${path}.lifecycle`, spec.terminationGracePeriodSeconds ?? defaultGraceSeconds, spec.os?.name)
      : []),
    ...(resources ? validateResources(resources, `${path}.resources`) : []),
    ...(securityContext ? validateSecurityContext(securityContext, `${path}.securityContext`) : []),
  ];
}

/** An init container that runs to its end has nothing to probe; a restartable one (a sidecar) has. */
function validateInitContainer(container: Container, spec: PodSpec, path: string): FieldError[] {
  const sidecar = container.restartPolicy === 'Always';
  const refused = sidecar ? [] : onlyForSidecars.filter((name) => container[name] !== undefined);
  return [
    ...validateContainer(container, spec, path),
    ...(container.resizePolicy?.length && !sidecar
      ? [invalid(`${path}.resizePolicy`, container.resizePolicy, 'must not be set for init containers')]
      : []),
    ...refused.map((name) => forbidden(`${path}.${name}`, 'may not be set for init containers without restartPolicy=Always')),
  ];
}

function validateEphemeralContainer(container: EphemeralContainer, spec: PodSpec, path: string): FieldError[] {
  const { targetContainerName: target, ...rest } = container;
  const known = [...(spec.containers ?? []), ...(spec.initContainers ?? [])].some(({ name }) => name === target);
  return [
    ...validateContainer(rest, spec, path),
    ...notForEphemeral
      .filter((name) => Object.keys(container[name] ?? {}).length > 0)
      .map((name) => forbidden(`${path}.${name}`, 'cannot be set for an Ephemeral Container')),
    ...(target && !known ? [notFound(`${path}.targetContainerName`, target)] : []),
  ];
}

function validateImage(image: string | undefined, path: string): FieldError[] {
  if (!image) return [required(path)];
  return image.trim() === image ? [] : [invalid(path, image, 'must not have leading or trailing whitespace')];
}
