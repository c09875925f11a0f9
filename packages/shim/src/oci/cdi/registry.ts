import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isCdiName } from '@berth/sdk/cdi-name';
import { PluginError } from '@berth/sdk/errors';
import { quoted } from '@berth/sdk/quoted';
import { parse } from 'yaml';
import { absent } from '../../files/absent.ts';
import { readSmallFile } from '../../files/read-small-file.ts';
import { type CdiSpecification, type ContainerEdits, parseCdiSpecification } from './specification.ts';

/** Where vendors put them; what a later folder says goes before an earlier one (SPEC.md, "CDI JSON specification"). */
export const cdiDirectories = ['/etc/cdi', '/var/run/cdi'];

/** Larger files are no specifications. */
const mostBytes = 4 * 1024 * 1024;

interface Found {
  specification: CdiSpecification;
  edits: ContainerEdits;
  directory: string;
  file: string;
}

/**
 * What the named devices (`vendor.com/class=name`) change of a container, in the order to be made. Read anew each time: vendors'
 * tools write specifications at any time. A broken file fails only containers whose devices aren't found without it.
 */
export async function cdiEdits(names: string[], object: string, directories: string[] = cdiDirectories): Promise<ContainerEdits[]> {
  if (names.length === 0) return [];
  const { devices, broken } = await readAll(directories);
  const edits: ContainerEdits[] = [];
  const begun = new Set<CdiSpecification>();
  for (const name of new Set(names)) {
    const found = unique(name, devices.get(name) ?? [], broken, object, directories);
    if (!begun.has(found.specification)) edits.push(found.specification.edits);
    begun.add(found.specification);
    edits.push(found.edits);
  }
  return edits;
}

function unique(name: string, all: Found[], broken: string[], object: string, directories: string[]): Found {
  if (!isCdiName(name)) {
    throw new PluginError('INVALID_ARGUMENT', `CDI device ${quoted(name)} is not of the form vendor.com/class=name`, {
      object,
    });
  }
  const directory = directories.findLast((candidate) => all.some((found) => found.directory === candidate));
  const [found, second] = all.filter((each) => each.directory === directory);
  if (!found) {
    const unreadable = broken.length > 0 ? `, and these can't be read: ${broken.join('; ')}` : '';
    throw new PluginError('NOT_FOUND', `no specification in ${directories.join(', ')} has the CDI device ${name}${unreadable}`, {
      object,
      hint: "run the vendor's tool that writes it, such as nvidia-ctk cdi generate",
    });
  }
  if (!second) return found;
  throw new PluginError('FAILED_PRECONDITION', `${found.file} and ${second.file} both have the CDI device ${name}`, {
    object,
    hint: 'remove one of them',
  });
}

async function readAll(directories: string[]): Promise<{ devices: Map<string, Found[]>; broken: string[] }> {
  const devices = new Map<string, Found[]>();
  const broken: string[] = [];
  for (const directory of directories) {
    const names = ((await readdir(directory).catch(absent)) ?? []).filter((name) => /\.(json|yaml)$/.test(name)).toSorted();
    for (const file of names.map((name) => join(directory, name))) {
      try {
        const specification = await readSpecification(file);
        for (const [device, edits] of specification.devices) {
          const name = `${specification.kind}=${device}`;
          devices.set(name, [...(devices.get(name) ?? []), { specification, edits, directory, file }]);
        }
      } catch (error) {
        broken.push(PluginError.from(error).message);
      }
    }
  }
  return { devices, broken };
}

async function readSpecification(file: string): Promise<CdiSpecification> {
  return parseCdiSpecification(parseText(file, await readSmallFile(file, mostBytes)), file);
}

function parseText(file: string, text: string): unknown {
  try {
    // YAML 1.2 has JSON in it. Few aliases are allowed: each can stand for many.
    return parse(text, { maxAliasCount: 100 });
  } catch (cause) {
    throw new PluginError('INVALID_ARGUMENT', `it is neither JSON nor YAML: ${(cause as Error).message.split('\n')[0]}`, {
      object: file,
      cause,
    });
  }
}
