import type { ProjectedVolumeSource, Volume, VolumeProjection } from '../objects.ts';
import { defaultPullPolicy } from './pull-policy.ts';

const readable = 0o644;
/** A projected service account token lives an hour unless told. */
const tokenSeconds = 3600;

/** A copy of the volume with the defaults of its source; without a source it is an emptyDir. */
export function defaultVolume(volume: Volume): Volume {
  const { name, ...sources } = volume;
  if (Object.keys(sources).length === 0) return { name, emptyDir: {} };
  return {
    ...volume,
    ...(volume.secret && { secret: { ...volume.secret, defaultMode: volume.secret.defaultMode ?? readable } }),
    ...(volume.configMap && { configMap: { ...volume.configMap, defaultMode: volume.configMap.defaultMode ?? readable } }),
    ...(volume.downwardAPI && {
      downwardAPI: { ...defaultDownwardItems(volume.downwardAPI), defaultMode: volume.downwardAPI.defaultMode ?? readable },
    }),
    ...(volume.projected && { projected: defaultProjected(volume.projected) }),
    ...(volume.hostPath && { hostPath: { ...volume.hostPath, type: volume.hostPath.type ?? '' } }),
    ...(volume.image && { image: { ...volume.image, pullPolicy: volume.image.pullPolicy ?? defaultPullPolicy(volume.image.reference) } }),
    ...(volume.iscsi && { iscsi: { ...volume.iscsi, iscsiInterface: volume.iscsi.iscsiInterface || 'default' } }),
    ...(volume.ephemeral?.volumeClaimTemplate && { ephemeral: defaultEphemeral(volume.ephemeral.volumeClaimTemplate) }),
  };
}

function defaultProjected(projected: ProjectedVolumeSource): ProjectedVolumeSource {
  return {
    ...projected,
    defaultMode: projected.defaultMode ?? readable,
    ...(projected.sources && { sources: projected.sources.map(defaultProjection) }),
  };
}

function defaultProjection(source: VolumeProjection): VolumeProjection {
  const { serviceAccountToken: token, downwardAPI } = source;
  return {
    ...source,
    ...(token && { serviceAccountToken: { ...token, expirationSeconds: token.expirationSeconds ?? tokenSeconds } }),
    ...(downwardAPI && { downwardAPI: defaultDownwardItems(downwardAPI) }),
  };
}

function defaultDownwardItems<T extends NonNullable<VolumeProjection['downwardAPI']>>(source: T): T {
  if (!source.items) return source;
  const items = source.items.map((item) =>
    item.fieldRef ? { ...item, fieldRef: { ...item.fieldRef, apiVersion: item.fieldRef.apiVersion || 'v1' } } : item,
  );
  return { ...source, items };
}

function defaultEphemeral(template: NonNullable<NonNullable<Volume['ephemeral']>['volumeClaimTemplate']>): Volume['ephemeral'] {
  return { volumeClaimTemplate: { ...template, spec: { ...template.spec, volumeMode: template.spec?.volumeMode ?? 'Filesystem' } } };
}
