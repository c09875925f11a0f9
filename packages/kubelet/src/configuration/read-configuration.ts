import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { readDocument } from '@berth/api/read-document';
import { PluginError } from '@berth/sdk/errors';
import { unreadable } from '@berth/sdk/unreadable';
import { z } from 'zod';
import { effective } from './effective.ts';
import { apiVersion, type KubeletConfiguration, kind, kubeletConfiguration, kubeletConfigurationFields } from './kubelet-configuration.ts';
import { mergePatch } from './merge-patch.ts';
import { refusedFields } from './refused-fields.ts';
import { webhookProblems } from './standalone.ts';
import { type FieldProblem, validateConfiguration } from './validate.ts';

/** Where the configuration is. */
interface ConfigurationFiles {
  /** KubeletConfiguration in YAML or JSON. */
  file?: string;
  /** Drop-ins: its `*.conf` files and those of the directories below, in lexical order, each merged over what is before it. */
  directory?: string;
}

/** A file that was read, and where in it a field is written. */
interface Part {
  file: string;
  value: Record<string, unknown>;
  locate(path: string): { line: number };
}

/**
 * Reads KubeletConfiguration v1beta1, strictly: throws INVALID_ARGUMENT with a line for each field that is unknown, has a wrong value, or asks for
 * what this node doesn't do. Paths in it that are relative start from its file. Without any file, kubelet's defaults.
 */
export function readKubeletConfiguration({ file, directory }: ConfigurationFiles): KubeletConfiguration {
  const files = [...(file === undefined ? [] : [file]), ...(directory === undefined ? [] : dropIns(directory))];
  const parts = files.map(readPart);
  const merged = parts.reduce<unknown>((base, { value }) => mergePatch(base, value), { apiVersion, kind });
  const parsed = kubeletConfiguration.safeParse(merged);
  if (!parsed.success) throw refusal(parts, problemsOf(parsed.error));
  const problems = [
    ...validateConfiguration(parsed.data),
    ...webhookProblems(merged as object, parsed.data),
    ...refusedFields(merged as object, parsed.data),
  ];
  if (problems.length > 0) throw refusal(parts, problems);
  return effective(parsed.data, merged as object);
}

function dropIns(directory: string): string[] {
  try {
    return readdirSync(directory, { withFileTypes: true })
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))
      .flatMap((entry) => {
        const path = join(directory, entry.name);
        if (entry.isDirectory()) return dropIns(path);
        return entry.name.endsWith('.conf') ? [path] : [];
      });
  } catch (thrown) {
    throw unreadable(thrown, { object: `drop-in directory ${directory}` });
  }
}

function readPart(file: string): Part {
  const read = readDocument(textOf(file));
  if ('problem' in read) throw invalid([`${file}:${read.position.line}:${read.position.column}: ${read.problem}`]);
  const part: Part = { file, value: withAbsolutePaths(read.value, dirname(resolve(file))), locate: read.locate };
  const parsed = kubeletConfiguration.safeParse(withoutNulls(part.value));
  if (!parsed.success) throw refusal([part], problemsOf(parsed.error));
  return part;
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (thrown) {
    throw unreadable(thrown, { object: `kubelet configuration ${file}` });
  }
}

/** The fields that kubelet takes from the directory of the file (kubernetes:pkg/kubelet/apis/config/helpers.go). */
function withAbsolutePaths(value: unknown, directory: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return { document: value };
  const absolute = (given: unknown) => (typeof given === 'string' && given !== '' ? resolve(directory, given) : given);
  const document = { ...value } as Record<string, unknown>;
  for (const field of ['staticPodPath', 'tlsCertFile', 'tlsPrivateKeyFile', 'resolvConf']) {
    if (field in document) document[field] = absolute(document[field]);
  }
  const x509 = (document.authentication as { x509?: { clientCAFile?: unknown } } | undefined)?.x509;
  if (!x509?.clientCAFile) return document;
  const authentication = { ...(document.authentication as object), x509: { ...x509, clientCAFile: absolute(x509.clientCAFile) } };
  return { ...document, authentication };
}

/** In a drop-in, null takes back what a file before it says. */
function withoutNulls(value: Record<string, unknown>): Record<string, unknown> {
  return mergePatch({}, value) as Record<string, unknown>;
}

function problemsOf(error: z.ZodError): FieldProblem[] {
  return error.issues.flatMap((issue) => {
    const path = z.core.toDotPath(issue.path);
    if (issue.code !== 'unrecognized_keys') return [{ path, message: issue.message }];
    return issue.keys.map((key) => ({ path: path ? `${path}.${key}` : key, message: unknownField(path === '' ? key : undefined) }));
  });
}

/** A field that differs by little from the given name is what was meant. */
function unknownField(name: string | undefined): string {
  const alike = Object.keys(kubeletConfigurationFields).find((field) => name !== undefined && plain(field) === plain(name));
  return `Unknown field; ${alike ? `it is written ${alike}` : 'remove it, or mend its name'}`;
}

function plain(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]|s$/g, '');
}

function refusal(parts: Part[], problems: FieldProblem[]): PluginError {
  return invalid(
    problems.map(({ path, message }) => {
      const part = parts.findLast(({ value }) => (path.split(/[.[]/, 1)[0] as string) in value) ?? parts.at(-1);
      const where = part ? `${part.file}:${part.locate(path).line}: ` : '';
      return `${where}${path || 'document'}: ${message}`;
    }),
  );
}

function invalid(lines: string[]): PluginError {
  return new PluginError('INVALID_ARGUMENT', lines.join('\n'), { object: 'kubelet configuration' });
}
