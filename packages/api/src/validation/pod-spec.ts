import { checkDnsLabel, checkDnsSubdomain, checkIp, checkQualifiedName, type NameCheck } from '../names.ts';
import type { PodSpec, TopologySpreadConstraint } from '../objects.ts';
import { validateAffinity, validateLabelSelector } from './affinity.ts';
import { validateContainers } from './containers.ts';
import { validateDns } from './dns.ts';
import {
  checkEach,
  checkNonNegative,
  checkRange,
  checkSupported,
  checkUnique,
  type FieldError,
  invalid,
  invalidFor,
  required,
} from './field-error.ts';
import { validateLabels } from './metadata.ts';
import { validateResourceList } from './resources.ts';
import { validatePodSecurityContext } from './security-context.ts';
import { validateTolerations } from './tolerations.ts';
import { validateVolumes } from './volumes.ts';

/** The names in a pod's spec, and the rule of each. */
const names: Partial<Record<keyof PodSpec, NameCheck>> = {
  hostname: checkDnsLabel,
  subdomain: checkDnsLabel,
  nodeName: checkDnsSubdomain,
  serviceAccountName: checkDnsSubdomain,
  runtimeClassName: checkDnsSubdomain,
  priorityClassName: checkDnsSubdomain,
  schedulerName: checkDnsSubdomain,
};

export function validatePodSpec(spec: PodSpec, path: string): FieldError[] {
  return [
    ...validateVolumes(spec.volumes, `${path}.volumes`),
    ...validateContainers(spec, path),
    ...checkSupported(`${path}.restartPolicy`, spec.restartPolicy, ['Always', 'Never', 'OnFailure']),
    ...checkNonNegative(`${path}.terminationGracePeriodSeconds`, spec.terminationGracePeriodSeconds),
    ...checkRange(`${path}.activeDeadlineSeconds`, spec.activeDeadlineSeconds, 1, 2 ** 31 - 1),
    ...validateDns(spec, path),
    ...validateNames(spec, path),
    ...validateHost(spec, path),
    ...(spec.securityContext ? validatePodSecurityContext(spec.securityContext, `${path}.securityContext`) : []),
    ...validatePlacement(spec, path),
    ...(spec.overhead ? validateResourceList(spec.overhead, `${path}.overhead`) : []),
  ];
}

function validateNames(spec: PodSpec, path: string): FieldError[] {
  return [
    ...Object.entries(names).flatMap(([name, check]) => {
      const value = spec[name as keyof PodSpec];
      return typeof value === 'string' && value !== '' ? invalidFor(`${path}.${name}`, value, check(value)) : [];
    }),
    ...checkEach(`${path}.imagePullSecrets`, spec.imagePullSecrets, ({ name }, at) => (name ? [] : [required(`${at}.name`)])),
    ...checkEach(`${path}.readinessGates`, spec.readinessGates, ({ conditionType = '' }, at) =>
      invalidFor(`${at}.conditionType`, conditionType, checkQualifiedName(conditionType)),
    ),
  ];
}

function validateHost({ os, hostAliases, hostPID, hostNetwork, hostUsers, shareProcessNamespace }: PodSpec, path: string): FieldError[] {
  return [
    ...(os ? (os.name ? checkSupported(`${path}.os.name`, os.name, ['linux', 'windows']) : [required(`${path}.os.name`)]) : []),
    ...(hostPID && shareProcessNamespace
      ? [invalid(`${path}.shareProcessNamespace`, shareProcessNamespace, 'ShareProcessNamespace and HostPID cannot both be enabled')]
      : []),
    ...(hostUsers === false && hostNetwork ? [invalid(`${path}.hostNetwork`, hostNetwork, 'when `hostUsers` is false')] : []),
    ...checkEach(`${path}.hostAliases`, hostAliases, ({ ip = '', hostnames }, at) => [
      ...(checkIp(ip).length > 0 ? [invalid(`${at}.ip`, ip, 'must be valid IP address')] : []),
      ...checkEach(`${at}.hostnames`, hostnames, (name, where) => invalidFor(where, name, checkDnsSubdomain(name))),
    ]),
  ];
}

function validatePlacement(spec: PodSpec, path: string): FieldError[] {
  const { schedulingGates = [] } = spec;
  return [
    ...validateLabels(spec.nodeSelector, `${path}.nodeSelector`),
    ...validateTolerations(spec.tolerations, `${path}.tolerations`),
    ...(spec.affinity ? validateAffinity(spec.affinity, `${path}.affinity`) : []),
    ...checkEach(`${path}.topologySpreadConstraints`, spec.topologySpreadConstraints, validateSpread),
    ...checkEach(`${path}.schedulingGates`, schedulingGates, ({ name = '' }, at) =>
      invalidFor(`${at}.name`, name, checkQualifiedName(name)),
    ),
    ...checkUnique(schedulingGates.map(({ name }, index) => [`${path}.schedulingGates[${index}].name`, name])),
  ];
}

function validateSpread(
  { maxSkew = 0, topologyKey, whenUnsatisfiable, labelSelector }: TopologySpreadConstraint,
  path: string,
): FieldError[] {
  return [
    ...(maxSkew > 0 ? [] : [invalid(`${path}.maxSkew`, maxSkew, 'must be greater than zero')]),
    ...(topologyKey
      ? invalidFor(`${path}.topologyKey`, topologyKey, checkQualifiedName(topologyKey))
      : [required(`${path}.topologyKey`, 'can not be empty')]),
    ...(whenUnsatisfiable
      ? checkSupported(`${path}.whenUnsatisfiable`, whenUnsatisfiable, ['DoNotSchedule', 'ScheduleAnyway'])
      : [required(`${path}.whenUnsatisfiable`)]),
    ...(labelSelector ? validateLabelSelector(labelSelector, `${path}.labelSelector`) : []),
  ];
}
