import { type Document, LineCounter, parseAllDocuments, type YAMLError } from 'yaml';
import { conformObject, isKnownKind, knownKinds } from './field-table.ts';
import { findDuplicateKey } from './manifest/duplicate-key.ts';
import { type Position, Written } from './manifest/position.ts';
import { yamlRules } from './manifest/yaml-rules.ts';
import type { ObjectMeta } from './objects.ts';
import type { FieldError } from './validation/field-error.ts';

export type { Position } from './manifest/position.ts';

/** What tells the type of an object. */
interface TypeMeta {
  apiVersion: string;
  kind: string;
}

/** What every object of the Kubernetes API has; `kind` tells the rest of its type. */
export interface KubernetesObject extends TypeMeta {
  metadata?: ObjectMeta;
}

/** An object read from a file. */
export interface ManifestObject {
  object: KubernetesObject;
  file: string;
  /** The line that the object begins on, from 1. */
  line: number;
  /** Where a field path of the object (`spec.containers[0].image`) is written, or the nearest field around it. */
  locate(path: string): Position;
}

/** What is wrong with a file, and where. */
export interface ManifestProblem extends Position {
  file: string;
  /** The field path in its object; empty when the problem is none of a field. */
  path: string;
  message: string;
}

/** An object that was left out, by the names that it gives itself. */
export interface RefusedObject {
  kind: string;
  /** `default` where it gives none. */
  namespace: string;
  name: string;
  /** The first of what is wrong with it. */
  problem: ManifestProblem;
}

/** The objects of a file, and what kept others from being read. */
export interface Manifest {
  objects: ManifestObject[];
  problems: ManifestProblem[];
  /** Those of the problems' objects whose names could be read. */
  refused: RefusedObject[];
}

/** `a.yaml:12: spec.containers[0].imagee: Unknown field`, or with the column where no field path tells the place. */
export function formatProblem({ file, line, column, path, message }: ManifestProblem): string {
  return path ? `${file}:${line}: ${path}: ${message}` : `${file}:${line}:${column}: ${message}`;
}

/** The problem that a field error is in the file of its object. */
export function problemOf(source: ManifestObject, error: FieldError): ManifestProblem {
  return { file: source.file, ...source.locate(error.path), path: error.path, message: error.message };
}

/**
 * Reads the Kubernetes objects of a YAML or JSON text: any number of documents, and lists (`kind: List`, `kind: PodList`).
 * An object with an unknown field or a value of the wrong type is left out and its problems are told. Defaults are not filled in.
 * Never throws. `file` is the name that messages give.
 */
export function readManifest(text: string, file: string): Manifest {
  const reader = new ManifestReader(file);
  try {
    reader.read(text);
  } catch (thrown) {
    if (!(thrown instanceof RangeError)) throw thrown;
    // The parser recurses: a hostile text can use up the stack.
    reader.refuse({ line: 1, column: 1 }, nestedTooDeep);
  }
  return { objects: reader.objects, problems: reader.problems, refused: reader.refused };
}

/** A few repeated values are fine; ten aliases to ten aliases to ten are an attack on memory. */
const maxAliasCount = 100;
const nestedTooDeep = 'The text is nested too deep to be a manifest';

class ManifestReader {
  readonly objects: ManifestObject[] = [];
  readonly problems: ManifestProblem[] = [];
  readonly refused: RefusedObject[] = [];
  readonly #lines = new LineCounter();
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  read(text: string): void {
    const parsed = parseAllDocuments(text, { ...yamlRules, lineCounter: this.#lines });
    const documents = Array.isArray(parsed) ? parsed.filter((document) => !isBlank(document)) : [];
    if (documents.length === 0) this.refuse({ line: 1, column: 1 }, 'The file holds no object');
    for (const document of documents) this.#readDocument(document);
  }

  refuse(position: Position, message: string, path = ''): void {
    this.problems.push({ file: this.#file, ...position, path, message });
  }

  #readDocument(document: Document.Parsed): void {
    const written = new Written(document, this.#lines);
    const error = document.errors[0] ?? document.warnings[0];
    const duplicate = error ? undefined : findDuplicateKey(document);
    if (error) this.refuse(this.#position(error.pos[0]), syntaxMessage(error));
    else if (duplicate)
      this.refuse(this.#position(duplicate.range?.[0] ?? 0), `Duplicate key "${duplicate.value}": each field may be given once`);
    else this.#readValue(this.#resolve(document, written), written);
  }

  /** The document as plain values, or undefined once its problem is told. */
  #resolve(document: Document.Parsed, written: Written): unknown {
    try {
      return document.toJS({ maxAliasCount });
    } catch (thrown) {
      // What the library finds only now: aliases that are undefined or too many, and merges of what is no map.
      this.refuse(written.locate(''), `Aliases can't be resolved: ${thrown instanceof Error ? thrown.message : thrown}`);
      return undefined;
    }
  }

  #position(offset: number): Position {
    const { line, col } = this.#lines.linePos(offset);
    return { line, column: col };
  }

  /** `itemType` is what a typed list says of its items, which needn't say it again. */
  #readValue(value: unknown, written: Written, itemType?: TypeMeta): void {
    if (value === undefined) return;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      this.refuse(written.locate(''), `A document must be a Kubernetes object (a map with apiVersion and kind), not ${describe(value)}`);
      return;
    }
    const { apiVersion = itemType?.apiVersion, kind = itemType?.kind } = value as Record<string, unknown>;
    if (typeof apiVersion !== 'string' || apiVersion === '') this.#refuseType('apiVersion', apiVersion, written);
    else if (typeof kind !== 'string' || kind === '') this.#refuseType('kind', kind, written);
    else this.#readObject({ ...value, apiVersion, kind }, written);
  }

  #refuseType(name: string, given: unknown, written: Written): void {
    this.refuse(written.locate(name), given === undefined || given === null || given === '' ? 'Required value' : 'must be a string', name);
  }

  #readObject(value: TypeMeta & { items?: unknown }, written: Written): void {
    const { apiVersion, kind } = value;
    const itemKind = kind.endsWith('List') ? kind.slice(0, -'List'.length) : '';
    if (apiVersion === 'v1' && kind === 'List') this.#readItems(value.items, written);
    else if (isKnownKind(apiVersion, itemKind)) this.#readItems(value.items, written, { apiVersion, kind: itemKind });
    else if (!isKnownKind(apiVersion, kind)) this.refuse(written.locate('kind'), unknownKind(apiVersion, kind), 'kind');
    else this.#keepObject(value, written);
  }

  #readItems(items: unknown, written: Written, itemType?: TypeMeta): void {
    if (items === undefined || items === null) return;
    if (!Array.isArray(items)) this.refuse(written.locate('items'), 'must be a list', 'items');
    else for (const [index, item] of items.entries()) this.#readValue(item, written.item(index), itemType);
  }

  #keepObject(value: TypeMeta, written: Written): void {
    const { value: object, errors } = conformObject(value, value.apiVersion, value.kind);
    const source: ManifestObject = {
      object: object as KubernetesObject,
      file: this.#file,
      line: written.locate('').line,
      locate: (path) => written.locate(path),
    };
    const problems = errors.map((error) => problemOf(source, error));
    const [problem] = problems;
    if (problem) this.#keepName(value, problem);
    else this.objects.push(source);
    this.problems.push(...problems);
  }

  #keepName({ kind, metadata }: TypeMeta & { metadata?: unknown }, problem: ManifestProblem): void {
    if (typeof metadata !== 'object' || metadata === null) return;
    const { name, namespace } = metadata as Record<string, unknown>;
    if (typeof name !== 'string') return;
    this.refused.push({ kind, namespace: typeof namespace === 'string' && namespace !== '' ? namespace : 'default', name, problem });
  }
}

/** Separators and comments alone make no object, as with kubectl. */
function isBlank(document: Document.Parsed): boolean {
  return (
    document.errors.length === 0 &&
    (document.contents === null || (document.contents.range[0] === document.contents.range[1] && document.toJS() === null))
  );
}

function syntaxMessage(error: YAMLError): string {
  return /call stack/.test(error.message) ? nestedTooDeep : error.message.replace(/\.$/, '');
}

function describe(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  return value === null || value === undefined ? 'null' : `a ${typeof value === 'bigint' ? 'number' : typeof value}`;
}

function unknownKind(apiVersion: string, kind: string): string {
  const versions = knownKinds()
    .filter((known) => known.endsWith(`/${kind}`))
    .map((known) => known.slice(0, -kind.length - 1));
  if (versions.length > 0) return `Unknown apiVersion ${JSON.stringify(apiVersion)} of kind ${kind}; use ${versions.join(' or ')}`;
  const kinds = knownKinds().map((known) => `${known.slice(known.lastIndexOf('/') + 1)} (${known.slice(0, known.lastIndexOf('/'))})`);
  return `Unknown kind ${JSON.stringify(kind)}; known are ${kinds.join(', ')}`;
}
