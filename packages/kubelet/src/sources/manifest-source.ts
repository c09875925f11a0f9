import { readdir, readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { defaultPod } from '@berth/api/defaults';
import { formatProblem, type ManifestObject, problemOf, readManifest } from '@berth/api/manifest';
import type { Pod } from '@berth/api/objects';
import { validatePod } from '@berth/api/validation';
import { PluginError } from '@berth/sdk/errors';
import { FileWatch } from '../file-watch.ts';
import { fullNameOf, namespaceOf, uidOf } from '../pod.ts';
import type { PodSource, SourceUpdate } from './pod-source.ts';
import { oneTimePod, staticPod } from './static-pod.ts';

/** Where the manifests are, and what pods are made of them. */
export interface ManifestSourceOptions {
  /** Manifest files, and directories of them (not what is below; names that begin with a dot are left out). */
  paths: string[];
  nodeName: string;
  /** `content`: the same file is the same pod, also after a restart. `random`: each change makes another pod. Default content. */
  uids?: 'content' | 'random';
  /** How often to look besides what the file system tells. Default 20 s, kubelet's. */
  rescanMs?: number;
}

/** One file as it was read last. */
interface ReadFile {
  text: string;
  pods: Pod[];
  problems: string[];
}

/** Editors write a file in several steps. */
const settleMs = 50;
const defaultRescanMs = 20_000;

const manifestName = /^[^.].*\.(ya?ml|json)$/;

/**
 * Pods from files. A file that is broken is told with file, line and field; the pods that it held before go on until it is mended or
 * removed, and the other files don't care.
 */
export class ManifestSource implements PodSource {
  readonly name = 'file';
  readonly #options: ManifestSourceOptions;
  readonly #files = new Map<string, ReadFile>();

  constructor(options: ManifestSourceOptions) {
    this.#options = options;
  }

  async *updates(signal: AbortSignal): AsyncGenerator<SourceUpdate, void> {
    const watch = new FileWatch({ paths: this.#options.paths, rescanMs: this.#options.rescanMs ?? defaultRescanMs, settleMs });
    let told: string | undefined;
    for await (const _change of watch.changes(signal)) {
      const update = await this.#read();
      const fingerprint = JSON.stringify(update);
      if (fingerprint === told) continue;
      told = fingerprint;
      yield update;
    }
  }

  async #read(): Promise<SourceUpdate> {
    const { files, problems } = await this.#listFiles();
    for (const known of this.#files.keys()) if (!files.includes(known)) this.#files.delete(known);
    for (const file of files) await this.#readFile(file);
    const read = files.flatMap((file) => this.#files.get(file) ?? []);
    const { pods, duplicates } = withoutDuplicates(read.flatMap((file) => file.pods));
    return { pods, problems: [...problems, ...read.flatMap((file) => file.problems), ...duplicates] };
  }

  async #listFiles(): Promise<{ files: string[]; problems: string[] }> {
    const [files, problems]: [string[], string[]] = [[], []];
    for (const path of this.#options.paths) {
      try {
        const isDirectory = (await stat(path)).isDirectory();
        files.push(...(isDirectory ? await manifestsIn(path) : [path]));
      } catch (thrown) {
        problems.push(PluginError.from(thrown, 'NOT_FOUND', { object: path }).message);
      }
    }
    return { files: [...new Set(files)], problems };
  }

  async #readFile(file: string): Promise<void> {
    const before = this.#files.get(file);
    try {
      const text = await readFile(file, 'utf8');
      if (text === before?.text) return;
      const { pods, problems } = this.#parse(text, file);
      this.#files.set(file, { text, pods: problems.length > 0 && before ? merged(before.pods, pods) : pods, problems });
    } catch (thrown) {
      const { message } = PluginError.from(thrown, 'INTERNAL', { object: file });
      this.#files.set(file, { text: '', pods: before?.pods ?? [], problems: [message] });
    }
  }

  #parse(text: string, file: string): Pick<ReadFile, 'pods' | 'problems'> {
    const manifest = readManifest(text, file);
    const problems = manifest.problems.map(formatProblem);
    const pods = manifest.objects.flatMap((source) => {
      const { pod, errors } = this.#podOf(source);
      problems.push(...errors);
      return pod ? [pod] : [];
    });
    return { pods, problems };
  }

  #podOf(source: ManifestObject): { pod?: Pod; errors: string[] } {
    const { object, file, line } = source;
    if (object.kind !== 'Pod') return { errors: [`${file}:${line}: kind: a node runs Pods, not ${object.kind}`] };
    const given = object as Pod;
    const pod = defaultPod({ ...given, metadata: { ...given.metadata, namespace: namespaceOf(given) } });
    const errors = validatePod(pod).map((error) => formatProblem(problemOf(source, error)));
    return errors.length > 0 ? { errors } : { pod: this.#identify(pod, file), errors };
  }

  #identify(pod: Pod, file: string): Pod {
    const { nodeName, uids } = this.#options;
    return uids === 'random' ? oneTimePod(pod, nodeName, new Date()) : staticPod(pod, nodeName, resolve(file), new Date());
  }
}

async function manifestsIn(directory: string): Promise<string[]> {
  const names = await readdir(directory);
  return names
    .filter((name) => manifestName.test(name))
    .toSorted()
    .map((name) => join(directory, name));
}

/** The pods of a file that has become broken: what can still be read of it, and what it held before under other names. */
function merged(before: Pod[], after: Pod[]): Pod[] {
  const names = new Set(after.map(fullNameOf));
  return [...after, ...before.filter((pod) => !names.has(fullNameOf(pod)))];
}

function withoutDuplicates(pods: Pod[]): { pods: Pod[]; duplicates: string[] } {
  const seen = new Map<string, Pod>();
  const duplicates: string[] = [];
  for (const pod of pods) {
    const name = fullNameOf(pod);
    const first = seen.get(name);
    if (!first) seen.set(name, pod);
    else if (uidOf(first) !== uidOf(pod)) duplicates.push(`pod ${name} is given twice; give one of them another name`);
  }
  return { pods: [...seen.values()], duplicates };
}
