import type { Container, Pod, Volume } from '@berth/api/objects';
import type { Refusal } from './plan/observed-pod.ts';
import { specOf } from './pod.ts';

/** What the node makes of a pod before it does anything for it. */
interface Admission {
  /** The pod asks for something without which it wouldn't be what its author meant. */
  refusal?: Refusal;
  /** What is left out, the pod running all the same. */
  warnings: { reason: string; message: string }[];
}

/**
 * Nothing that a pod asks for is silently left out. What changes what the containers see or how they end is refused, with its field;
 * what only helps to watch or place a pod is told as a warning.
 */
export function admit(pod: Pod): Admission {
  const refused = [...refusedPodFields(pod), ...containersOf(pod).flatMap(([container, path]) => refusedContainerFields(container, path))];
  const refusal = refusalOf(refused);
  return { ...(refusal && { refusal }), warnings: warningsOf(pod) };
}

/** A field that is refused, with what the node would need for it. */
interface Field {
  path: string;
  what: string;
}

/** Explains the first field and names the others. */
function refusalOf([first, ...others]: Field[]): Refusal | undefined {
  if (!first) return undefined;
  const more = others.length > 0 ? ` (and ${others.length} more: ${others.map(({ path }) => path).join(', ')})` : '';
  return { reason: 'Unsupported', message: `Pod was rejected: ${first.path}: this node doesn't have ${first.what} yet${more}` };
}

function refusedPodFields(pod: Pod): Field[] {
  const spec = specOf(pod);
  return present([
    [spec.hostAliases?.length, 'spec.hostAliases', 'a managed hosts file'],
    [spec.ephemeralContainers?.length, 'spec.ephemeralContainers', 'ephemeral containers'],
    [spec.resourceClaims?.length, 'spec.resourceClaims', 'dynamic resources'],
    [spec.schedulingGates?.length, 'spec.schedulingGates', 'an API that could lift scheduling gates'],
    [spec.hostUsers === false, 'spec.hostUsers', 'user namespaces'],
    [spec.setHostnameAsFQDN, 'spec.setHostnameAsFQDN', 'a cluster domain'],
    [spec.hostnameOverride, 'spec.hostnameOverride', 'a managed hosts file'],
    [spec.resources, 'spec.resources', 'resources of the pod as a whole'],
    [spec.os?.name === 'windows', 'spec.os', 'Windows'],
    ...(spec.volumes ?? []).flatMap((volume, index) => volumeFields(volume, `spec.volumes[${index}]`)),
  ]);
}

type Rule = [asked: unknown, path: string, what: string];

/** Sources of volumes that the node can make. */
const volumeSources = new Set(['name', 'emptyDir', 'hostPath']);

function volumeFields(volume: Volume, path: string): Rule[] {
  const sources = Object.keys(volume).filter((key) => !volumeSources.has(key));
  const medium = volume.emptyDir?.medium ?? '';
  return [
    ...sources.map((source): Rule => [true, `${path}.${source}`, `${source} volumes`]),
    [medium.startsWith('HugePages'), `${path}.emptyDir.medium`, 'huge pages'],
  ];
}

function refusedContainerFields(container: Container, path: string): Field[] {
  const isInit = path.startsWith('spec.initContainers');
  return present([
    [container.envFrom?.length, `${path}.envFrom`, 'config maps and secrets'],
    ...(container.env ?? []).map(
      ({ valueFrom }, index): Rule => [valueFrom, `${path}.env[${index}].valueFrom`, 'variables from elsewhere'],
    ),
    [container.restartPolicy, `${path}.restartPolicy`, isInit ? 'restartable init containers' : 'a restart policy per container'],
    [container.restartPolicyRules?.length, `${path}.restartPolicyRules`, 'a restart policy per container'],
    // Upstream's validation refuses it without hostUsers: false; a runtime would read the empty lists of paths as its own defaults.
    [
      container.securityContext?.procMount === 'Unmasked',
      `${path}.securityContext.procMount`,
      'the user namespace that Unmasked needs (hostUsers: false)',
    ],
    [container.volumeDevices?.length, `${path}.volumeDevices`, 'block volumes'],
    [container.resources?.claims?.length, `${path}.resources.claims`, 'dynamic resources'],
    ...extendedResources(container).map((name): Rule => [true, `${path}.resources.limits[${name}]`, `the resource ${name}`]),
    ...(container.volumeMounts ?? []).flatMap(({ subPath, subPathExpr }, index): Rule[] => [
      [subPath, `${path}.volumeMounts[${index}].subPath`, 'mounts of a part of a volume'],
      [subPathExpr, `${path}.volumeMounts[${index}].subPathExpr`, 'mounts of a part of a volume'],
    ]),
  ]);
}

const knownResources = new Set(['cpu', 'memory', 'ephemeral-storage']);

function extendedResources(container: Container): string[] {
  const names = Object.keys({ ...container.resources?.requests, ...container.resources?.limits });
  return names.filter((name) => !knownResources.has(name));
}

function warningsOf(pod: Pod): Admission['warnings'] {
  const spec = specOf(pod);
  const placement = (['nodeSelector', 'affinity', 'topologySpreadConstraints', 'overhead'] as const).filter((field) => spec[field]);
  const warn = (reason: string, fields: string[], effect: string) =>
    fields.length > 0 ? [{ reason, message: `${fields.join(', ')}: ${effect}` }] : [];
  return [
    ...warn(
      'PlacementNotSupported',
      placement.map((field) => `spec.${field}`),
      'ignored; the node takes every pod that it is given',
    ),
    ...warn(
      'ImagePullSecretsNotSupported',
      spec.imagePullSecrets?.length ? ['spec.imagePullSecrets'] : [],
      'ignored; images are pulled without credentials',
    ),
    ...warn('StorageLimitsNotSupported', storageLimits(pod), 'ignored; the size of volumes and container files is not watched'),
    ...warn('SubdomainNotSupported', spec.subdomain ? ['spec.subdomain'] : [], 'ignored; there is no cluster domain'),
  ];
}

function storageLimits(pod: Pod): string[] {
  const sized = (specOf(pod).volumes ?? []).flatMap(({ emptyDir }, index) =>
    emptyDir?.sizeLimit !== undefined && emptyDir.medium !== 'Memory' ? [`spec.volumes[${index}].emptyDir.sizeLimit`] : [],
  );
  const limited = containersOf(pod).filter(([{ resources }]) => resources?.limits?.['ephemeral-storage'] !== undefined);
  return [...sized, ...limited.map(([, path]) => `${path}.resources.limits[ephemeral-storage]`)];
}

function containersOf(pod: Pod): [Container, string][] {
  const { initContainers = [], containers } = specOf(pod);
  return [
    ...initContainers.map((container, index): [Container, string] => [container, `spec.initContainers[${index}]`]),
    ...containers.map((container, index): [Container, string] => [container, `spec.containers[${index}]`]),
  ];
}

function present(rules: Rule[]): Field[] {
  return rules.filter(([asked]) => Boolean(asked)).map(([, path, what]) => ({ path, what }));
}
