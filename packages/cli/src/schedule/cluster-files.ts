import { readFile } from 'node:fs/promises';
import type { FieldError } from '@berth/api/field-error';
import { formatProblem, type KubernetesObject, type ManifestObject, problemOf, readManifest } from '@berth/api/manifest';
import type { Node, Pod, PriorityClass, RuntimeClass } from '@berth/api/objects';
import { validateRuntimeClass } from '@berth/api/validation';
import { PluginError } from '@berth/sdk/errors';
import { type Admission, admitNode, admitPod, type Classes } from './admission.ts';

/** A pod as the API server would keep it, and where it was read. */
export interface ClusterPod {
  pod: Pod;
  source: ManifestObject;
}

/** What `berth schedule` knows of a cluster. */
export interface Cluster {
  nodes: Node[];
  pods: ClusterPod[];
}

/**
 * Reads the Nodes, Pods, RuntimeClasses and PriorityClasses of files; which file holds which doesn't matter. Throws one
 * INVALID_ARGUMENT error that has a line with file, line and field for each thing that is wrong.
 */
export async function readCluster(files: readonly string[]): Promise<Cluster> {
  const problems: string[] = [];
  const sources: ManifestObject[] = [];
  for (const file of new Set(files)) {
    const manifest = readManifest(await textOf(file), file);
    problems.push(...manifest.problems.map(formatProblem));
    sources.push(...manifest.objects);
  }
  const cluster = admitAll(sources, (source, error) => problems.push(formatProblem(problemOf(source, error))));
  if (problems.length > 0) throw new PluginError('INVALID_ARGUMENT', problems.join('\n'));
  return cluster;
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (thrown) {
    throw PluginError.from(thrown, 'INVALID_ARGUMENT', { object: file, hint: 'give a file that can be read' });
  }
}

type Refuse = (source: ManifestObject, error: FieldError) => void;

const kinds = ['Node', 'Pod', 'RuntimeClass', 'PriorityClass'];

function admitAll(sources: readonly ManifestObject[], refuse: Refuse): Cluster {
  for (const source of sources) {
    const error = identityError(source, sources);
    if (error) refuse(source, error);
  }
  const admitted = <Kind>(kind: string, admit: (object: Kind) => Admission<Kind>) =>
    sources
      .filter(({ object }) => object.kind === kind)
      .map((source) => {
        const { object, errors } = admit(source.object as Kind);
        for (const error of errors) refuse(source, error);
        return { object, source };
      });
  const runtime = admitted<RuntimeClass>('RuntimeClass', (object) => ({ object, errors: validateRuntimeClass(object) }));
  const priority = admitted<PriorityClass>('PriorityClass', (object) => ({ object, errors: [] }));
  const classes: Classes = { runtime: runtime.map(({ object }) => object), priority: priority.map(({ object }) => object) };
  return {
    nodes: admitted<Node>('Node', admitNode).map(({ object }) => object),
    pods: admitted<Pod>('Pod', (pod) => admitPod(pod, classes)).map(({ object, source }) => ({ pod: object, source })),
  };
}

/** An object has to be of a kind that placement reads, and the only one of its name. */
function identityError({ object }: ManifestObject, sources: readonly ManifestObject[]): FieldError | undefined {
  const { kind, metadata } = object;
  if (!kinds.includes(kind)) return { reason: 'Unsupported', path: 'kind', message: `placement reads ${kinds.join(', ')}, not ${kind}` };
  if (!metadata?.name) return { reason: 'Required', path: 'metadata.name', message: 'Required value' };
  const first = sources.find((each) => identityOf(each.object) === identityOf(object));
  if (!first || first.object === object) return undefined;
  const message = `there is another ${kind} of this name, in ${first.file}:${first.line}; give one of them another name`;
  return { reason: 'Duplicate', path: 'metadata.name', message };
}

function identityOf({ kind, metadata }: KubernetesObject): string {
  return JSON.stringify([kind, kind === 'Pod' ? metadata?.namespace || 'default' : '', metadata?.name]);
}
