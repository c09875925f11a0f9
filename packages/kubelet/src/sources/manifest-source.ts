import { readdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { formatProblem, type ManifestObject, readManifest } from '@berth/api/manifest';
import type { Pod } from '@berth/api/objects';
import { FileWatch } from '@berth/sdk/file-watch';
import { unreadable } from '@berth/sdk/unreadable';
import { fullNameOf } from '../pod.ts';
import { podOfManifest } from './manifest-pod.ts';
import { readManifestFile } from './manifest-text.ts';
import type { ObjectSource } from './object-source.ts';
import { keyOf, ObjectStore, objectKey, type ReferredObject } from './object-store.ts';
import type { PodSource, SourceUpdate } from './pod-source.ts';
import { acceptObject, referredObjectOf } from './referred-objects.ts';
import { standardInput } from './standard-input.ts';
import { oneTimePod, staticPod } from './static-pod.ts';

/** Where the manifests are, and what pods are made of them. */
export interface ManifestSourceOptions {
  /** Manifest files, directories of them (not what is below; names that begin with a dot are left out), `-` for standard input. */
  paths: string[];
  /** Files and directories of config maps, secrets and service accounts alone; those among the manifests count as well. */
  objectPaths?: string[];
  nodeName: string;
  /** `content`: the same file is the same pod, also after a restart. `random`: each change makes another pod. Default content. */
  uids?: 'content' | 'random';
  /** Puts the node's name behind the pods' names, as kubelet does. */
  namedByNode?: boolean;
  /** Takes the files of a directory whatever they are called, as kubelet does; else those that end in .yaml, .yml and .json. */
  everyName?: boolean;
  /** How often to look besides what the file system tells. Default 20 s, kubelet's. */
  rescanMs?: number;
}

/** What is in a file. */
interface Contents {
  pods: Pod[];
  objects: ReferredObject[];
  problems: string[];
  /** The first problem of each object that pods could refer to, by `objectKey()`. */
  refusals: [key: string, problem: string][];
}

/** One file as it was read last. */
interface ReadFile extends Contents {
  /** Undefined where it couldn't be read. */
  text: string | undefined;
}

/** What a file holds, with its name for duplicates to be told by. */
interface Held<T> {
  file: string;
  items: T[];
}

const nothing: Contents = { pods: [], objects: [], problems: [], refusals: [] };

/** Editors write a file in several steps. */
const settleMs = 50;
const defaultRescanMs = 20_000;

const standardInputPath = '-';
const manifestName = /^[^.].*\.(ya?ml|json)$/;
const visibleName = /^[^.]/;

/**
 * Pods from files, and the objects that they refer to. A file that is broken is told with file, line and field; what it held before goes
 * on until it is mended or removed, and the other files don't care.
 */
export class ManifestSource implements PodSource {
  readonly name = 'file';
  readonly #options: ManifestSourceOptions;
  readonly #files = new Map<string, ReadFile>();
  readonly #objects = new ObjectStore();
  /** Problems that a changed file still has. */
  #lasting: string[] = [];

  constructor(options: ManifestSourceOptions) {
    this.#options = options;
  }

  /** The config maps, secrets and service accounts of the files; they are there before the pods that come with them. */
  get objects(): ObjectSource {
    return this.#objects;
  }

  async *updates(signal: AbortSignal): AsyncGenerator<SourceUpdate, void> {
    const { objectPaths = [] } = this.#options;
    const paths = [...this.#options.paths, ...objectPaths].filter((path) => path !== standardInputPath);
    const watch = new FileWatch({ paths, rescanMs: this.#options.rescanMs ?? defaultRescanMs, settleMs });
    let told: string | undefined;
    for await (const _change of watch.changes(signal)) {
      const update = await this.#read();
      const lasting = this.#lasting.splice(0);
      // Who has changed a file wants to know that it is still broken: told as gone first, a problem is a new one.
      if (lasting.length > 0) yield { ...update, problems: update.problems.filter((problem) => !lasting.includes(problem)) };
      const fingerprint = JSON.stringify(update);
      if (fingerprint === told && lasting.length === 0) continue;
      told = fingerprint;
      yield update;
    }
  }

  async #read(): Promise<SourceUpdate> {
    const { paths, objectPaths = [], everyName = false } = this.#options;
    const manifests = await listFiles(paths, everyName ? visibleName : manifestName);
    const others = await listFiles(objectPaths, manifestName);
    const files = [...new Set([...manifests.files, ...others.files])];
    const problems = [...manifests.problems, ...others.problems];
    for (const known of this.#files.keys()) if (!files.includes(known)) this.#files.delete(known);
    for (const file of files) await this.#readFile(file, manifests.files.includes(file));
    const read = files.flatMap((file) => ({ file, ...(this.#files.get(file) ?? nothing) }));
    const pods = firstOfEachName(
      read.map(({ file, pods: items }) => ({ file, items })),
      (pod) => `pod ${fullNameOf(pod)}`,
    );
    const objects = firstOfEachName(
      read.map(({ file, objects: items }) => ({ file, items })),
      keyOf,
    );
    this.#objects.replace(objects.items, new Map(read.flatMap(({ refusals }) => refusals)));
    return {
      pods: pods.items,
      problems: [...problems, ...read.flatMap((file) => file.problems), ...pods.duplicates, ...objects.duplicates],
    };
  }

  async #readFile(file: string, podsToo: boolean): Promise<void> {
    const before = this.#files.get(file);
    try {
      const isStandardInput = file === standardInputPath;
      const text = isStandardInput ? await standardInput() : await readManifestFile(file);
      if (text === before?.text) return;
      const parsed = this.#parse(text, shown(file), before?.objects ?? [], podsToo);
      const contents = withCure(parsed.problems.length > 0 && before ? keptBy(parsed, before) : parsed);
      this.#lasting.push(...contents.problems.filter((problem) => before?.problems.includes(problem)));
      this.#files.set(file, { text, ...contents });
    } catch (thrown) {
      const { message } = unreadable(thrown, { object: file });
      this.#files.set(file, { ...(before ?? nothing), text: undefined, problems: [message] });
    }
  }

  #parse(text: string, file: string, before: ReferredObject[], podsToo: boolean): Contents {
    const manifest = readManifest(text, file);
    const contents: Contents = {
      pods: [],
      objects: [],
      problems: manifest.problems.map(formatProblem),
      refusals: manifest.refused.map(({ kind, namespace, name, problem }) => [objectKey(kind, namespace, name), formatProblem(problem)]),
    };
    for (const source of manifest.objects) {
      const referred = referredObjectOf(source);
      const problems = referred ? keepObject(contents, source, referred, before) : this.#keepPod(contents, source, podsToo);
      contents.problems.push(...problems);
    }
    return contents;
  }

  #keepPod({ pods }: Contents, source: ManifestObject, podsToo: boolean): string[] {
    const { object, file, line } = source;
    if (object.kind === 'Pod' && !podsToo)
      return [`${file}:${line}: kind: pods come from manifests; here are the objects that they refer to`];
    const { nodeName, namedByNode } = this.#options;
    const { pod, errors } = podOfManifest(source, namedByNode ? nodeName : undefined);
    if (pod) pods.push(this.#identify(pod, file));
    return errors;
  }

  #identify(pod: Pod, file: string): Pod {
    const { nodeName, namedByNode = false, uids } = this.#options;
    const origin = { nodeName, namedByNode, source: 'file', origin: resolve(file), seenAt: new Date() } as const;
    return uids === 'random' ? oneTimePod(pod, origin) : staticPod(pod, origin);
  }
}

async function listFiles(paths: readonly string[], fileName: RegExp): Promise<{ files: string[]; problems: string[] }> {
  const [files, problems]: [string[], string[]] = [[], []];
  for (const path of paths) {
    try {
      files.push(...((await isDirectory(path)) ? await manifestsIn(path, fileName) : [path]));
    } catch (thrown) {
      problems.push(unreadable(thrown, { object: path }).message);
    }
  }
  return { files, problems };
}

async function isDirectory(path: string): Promise<boolean> {
  return path !== standardInputPath && (await stat(path)).isDirectory();
}

async function manifestsIn(directory: string, fileName: RegExp): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true });
  return entries
    .filter((entry) => fileName.test(entry.name) && !entry.isDirectory())
    .map(({ name }) => join(directory, name))
    .toSorted();
}

/** Keeps an object if it is valid, also in place of the one of its name `before`; gives what is wrong with it. */
function keepObject(
  { objects, refusals }: Contents,
  source: ManifestObject,
  referred: ReferredObject,
  before: readonly ReferredObject[],
): string[] {
  const { object, errors } = acceptObject(
    source,
    referred,
    before.find((each) => keyOf(each) === keyOf(referred)),
  );
  if (object) objects.push(object);
  if (errors[0] !== undefined) refusals.push([keyOf(referred), errors[0]]);
  return errors;
}

/** Of a file that has become broken: what can still be read of it, and what it held before under other names. */
function keptBy({ pods, objects, problems, refusals }: Contents, before: Contents): Contents {
  return { pods: merged(before.pods, pods, fullNameOf), objects: merged(before.objects, objects, keyOf), problems, refusals };
}

function merged<T>(before: T[], after: T[], nameOf: (item: T) => string): T[] {
  const names = new Set(after.map(nameOf));
  return [...after, ...before.filter((item) => !names.has(nameOf(item)))];
}

/** What is wrong in a file, with what its user can do about it. */
function withCure({ problems, ...kept }: Contents): Contents {
  const goesOn = kept.pods.length + kept.objects.length > 0 ? ': what else it holds, or held before, goes on' : '';
  return { ...kept, problems: problems.map((problem) => `${problem}; correct the file${goesOn}`) };
}

/** The first item of each name, and a message for each other with the files of both. */
function firstOfEachName<T>(held: readonly Held<T>[], nameOf: (item: T) => string): { items: T[]; duplicates: string[] } {
  const first = new Map<string, { file: string; item: T }>();
  const duplicates: string[] = [];
  for (const { file, items } of held) {
    for (const item of items) {
      const name = nameOf(item);
      const counts = first.get(name);
      if (!counts) first.set(name, { file, item });
      else if (counts.file === file || resolve(counts.file) !== resolve(file)) duplicates.push(duplicate(file, name, counts.file));
    }
  }
  return { items: [...first.values()].map(({ item }) => item), duplicates };
}

function duplicate(file: string, name: string, first: string): string {
  const where = first === file ? 'twice, and the first one counts' : `in ${shown(first)} too, which counts`;
  return `${shown(file)}: ${name} is given ${where}; give one of them another name`;
}

function shown(file: string): string {
  return file === standardInputPath ? 'standard input' : file;
}
