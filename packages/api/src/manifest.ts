import { type Document, isMap, isSeq, LineCounter, type Node, parseAllDocuments, type YAMLError } from 'yaml';
import { conformObject, isKnownKind, knownKinds } from './field-table.ts';
import { type Position, positionOf } from './manifest/position.ts';
import { yamlRules } from './manifest/yaml-rules.ts';
import type { ObjectMeta } from './objects.ts';
import type { FieldError } from './validation/field-error.ts';

export type { Position } from './manifest/position.ts';

/** What every object of the Kubernetes API has; `kind` tells the rest of its type. */
export interface KubernetesObject {
  apiVersion: string;
  kind: string;
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

/** The objects of a file, and what kept others from being read. */
export interface Manifest {
  objects: ManifestObject[];
  problems: ManifestProblem[];
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
  return { objects: reader.objects, problems: reader.problems };
}

const nestedTooDeep = 'The text is nested too deep to be a manifest';

class ManifestReader {
  readonly objects: ManifestObject[] = [];
  readonly problems: ManifestProblem[] = [];
  readonly #lines = new LineCounter();
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  read(text: string): void {
    const parsed = parseAllDocuments(text, { ...yamlRules, lineCounter: this.#lines });
    const documents = Array.isArray(parsed) ? parsed.filter((document) => !isBlank(document)) : [];
    if (documents.length === 0) this.refuse({ line: 1, column: 1 }, 'The file holds no object');
    for (const document of documents) this.#readDocument(document, text);
  }

  refuse(position: Position, message: string, path = ''): void {
    this.problems.push({ file: this.#file, ...position, path, message });
  }

  #readDocument(document: Document.Parsed, text: string): void {
    const [error] = [...document.errors, ...document.warnings];
    if (error) {
      const { line, col } = this.#lines.linePos(error.pos[0]);
      return this.refuse({ line, column: col }, syntaxMessage(error, text));
    }
    try {
      this.#readValue(document, document.contents ?? undefined, document.toJS({ maxAliasCount: 100 }));
    } catch (thrown) {
      // The library throws a ReferenceError for aliases that are undefined, circular, or too many.
      if (!(thrown instanceof ReferenceError)) throw thrown;
      this.refuse(positionOf(document, this.#lines, ''), `Aliases can't be resolved: ${thrown.message}`);
    }
  }

  #readValue(document: Document.Parsed, node: Node | undefined, value: unknown, listKind?: { apiVersion: string; kind: string }): void {
    const at = (path: string) => positionOf(document, this.#lines, path, node);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      return this.refuse(at(''), `A document must be a Kubernetes object (a map with apiVersion and kind), not ${describe(value)}`);
    }
    const { apiVersion = listKind?.apiVersion, kind = listKind?.kind } = value as Record<string, unknown>;
    for (const [name, given] of Object.entries({ apiVersion, kind })) {
      if (given === undefined || given === null || given === '') return this.refuse(at(''), 'Required value', name);
      if (typeof given !== 'string') return this.refuse(at(name), 'must be a string', name);
    }
    this.#readObject(document, node, { ...value, apiVersion: `${apiVersion}`, kind: `${kind}` }, at);
  }

  #readObject(
    document: Document.Parsed,
    node: Node | undefined,
    value: { apiVersion: string; kind: string; items?: unknown },
    at: (path: string) => Position,
  ): void {
    const { apiVersion, kind } = value;
    const itemKind = kind.endsWith('List') ? kind.slice(0, -'List'.length) : undefined;
    const isList = (apiVersion === 'v1' && kind === 'List') || (itemKind !== undefined && isKnownKind(apiVersion, itemKind));
    if (isList) return this.#readItems(document, node, value.items, at, itemKind ? { apiVersion, kind: itemKind } : undefined);
    if (!isKnownKind(apiVersion, kind)) return this.refuse(at('kind'), unknownKind(apiVersion, kind), 'kind');
    const { value: object, errors } = conformObject(value, apiVersion, kind);
    const source: ManifestObject = { object: object as KubernetesObject, file: this.#file, line: at('').line, locate: at };
    if (errors.length === 0) this.objects.push(source);
    this.problems.push(...errors.map((error) => problemOf(source, error)));
  }

  #readItems(
    document: Document.Parsed,
    list: Node | undefined,
    items: unknown,
    at: (path: string) => Position,
    kind?: { apiVersion: string; kind: string },
  ): void {
    if (items === undefined || items === null) return;
    if (!Array.isArray(items)) return this.refuse(at('items'), 'must be a list', 'items');
    const nodes = isMap(list) ? list.get('items', true) : undefined;
    items.forEach((item, index) => {
      const node = isSeq(nodes) ? nodes.items[index] : undefined;
      this.#readValue(document, (node as Node | undefined) ?? list, item, kind);
    });
  }
}

/** Separators and comments alone make no object, as with kubectl. */
function isBlank(document: Document.Parsed): boolean {
  return (
    document.errors.length === 0 &&
    (document.contents === null || (document.contents.range[0] === document.contents.range[1] && document.toJS() === null))
  );
}

function syntaxMessage(error: YAMLError, text: string): string {
  if (/call stack/.test(error.message)) return nestedTooDeep;
  if (error.code !== 'DUPLICATE_KEY') return error.message.replace(/\.$/, '');
  const key = /^["']?([^"':\s]+)/.exec(text.slice(error.pos[0]))?.[1];
  return `Duplicate key${key ? ` "${key}"` : ''}: each field may be given once`;
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

/** All problems of a manifest, a line each. */
export function formatProblems(problems: ManifestProblem[]): string {
  return problems.map(formatProblem).join('\n');
}
