import type { Container, Pod, Volume } from '@berth/api/objects';
import type { Refusal } from '../plan/observed-pod.ts';
import { specOf } from '../pod.ts';
import type { AdmitHandler } from './admit-handler.ts';
import { containerFields } from './container-fields.ts';

/**
 * Nothing that a pod asks for is silently left out: what changes what the containers see or how they end is refused, with its field.
 * What only helps to watch or place a pod is told by `left-out-fields.ts`.
 */
export const unsupportedFields: AdmitHandler = {
  admit({ pod }) {
    const containers = containerFields(pod).flatMap(([container, path]) => refusedContainerFields(pod, container, path));
    return refusalOf([...refusedPodFields(pod), ...containers]);
  },
};

/** A field that is refused, with what the node would need for it. */
interface Field {
  path: string;
  what: string;
}

/** Explains the first field and names the others. */
function refusalOf([first, ...others]: Field[]): Refusal | undefined {
  if (!first) return undefined;
  const more = others.length > 0 ? ` (and ${others.length} more: ${others.map(({ path }) => path).join(', ')})` : '';
  return { reason: 'Unsupported', message: `${first.path}: this node doesn't have ${first.what} yet${more}` };
}

function refusedPodFields(pod: Pod): Field[] {
  const spec = specOf(pod);
  return present([
    [spec.resourceClaims?.length, 'spec.resourceClaims', 'dynamic resources'],
    [spec.schedulingGates?.length, 'spec.schedulingGates', 'an API that could lift scheduling gates'],
    [spec.securityContext?.windowsOptions, 'spec.securityContext.windowsOptions', 'Windows'],
    ...(spec.volumes ?? []).flatMap((volume, index) => volumeFields(volume, `spec.volumes[${index}]`)),
  ]);
}

type Rule = [asked: unknown, path: string, what: string];

/** Sources of volumes that the node can make. */
const volumeSources = new Set(['name', 'emptyDir', 'hostPath', 'configMap', 'secret', 'downwardAPI', 'projected', 'image']);
/** Sources of projected volumes that it can't fill. */
const refusedProjections = { clusterTrustBundle: 'cluster trust bundles', podCertificate: 'pod certificates' } as const;

function volumeFields(volume: Volume, path: string): Rule[] {
  const sources = Object.keys(volume).filter((key) => !volumeSources.has(key));
  const projections = (volume.projected?.sources ?? []).flatMap((projection, index) =>
    (['clusterTrustBundle', 'podCertificate'] as const).map(
      (name): Rule => [projection[name], `${path}.projected.sources[${index}].${name}`, refusedProjections[name]],
    ),
  );
  return [...sources.map((source): Rule => [true, `${path}.${source}`, `${source} volumes`]), ...projections];
}

function refusedContainerFields(pod: Pod, container: Container, path: string): Field[] {
  const { procMount, windowsOptions } = container.securityContext ?? {};
  return present([
    // Upstream's validation refuses it without hostUsers: false; a runtime would read the empty lists of paths as its own defaults.
    [
      procMount === 'Unmasked' && specOf(pod).hostUsers !== false,
      `${path}.securityContext.procMount`,
      'the user namespace that Unmasked needs (hostUsers: false)',
    ],
    [windowsOptions, `${path}.securityContext.windowsOptions`, 'Windows'],
    [container.volumeDevices?.length, `${path}.volumeDevices`, 'block volumes'],
    [container.resources?.claims?.length, `${path}.resources.claims`, 'dynamic resources'],
  ]);
}

function present(rules: Rule[]): Field[] {
  return rules.filter(([asked]) => Boolean(asked)).map(([, path, what]) => ({ path, what }));
}
