import type { PodOrigins } from '@berth/kubelet/configured-options';
import { ManifestSource } from '@berth/kubelet/manifest-source';
import { HandlerSource } from './handler-source.ts';

interface ManifestOptions {
  /** Manifest files or directories. */
  manifests: string[];
  /** Files or directories of config maps, secrets and service accounts. */
  objects?: string[];
  /** Runs each pod once on each of these handlers, whatever its runtimeClassName. */
  handlers?: string[];
  nodeName: string;
}

/** The pods of manifest files, under their own names. */
export function manifestOrigins({ manifests, objects, handlers, nodeName }: ManifestOptions): PodOrigins {
  const source = new ManifestSource({ paths: manifests, objectPaths: objects, nodeName });
  return { sources: [handlers ? new HandlerSource(source, handlers) : source], objects: source.objects };
}
