import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Pod } from '@berth/api/objects';
import { readConfigDirectory } from '@berth/sdk/cni/config';
import { chooseDirectories } from '../cni/directories.ts';
import { podReference } from '../commands/pod-reference.ts';
import { compose, tokens } from '../compose.ts';
import { defaults, type GlobalOptions } from '../configuration/global-options.ts';
import { openImageStore } from '../images/open.ts';
import { KubeletClient } from '../node/kubelet-client.ts';
import type { TypedLine } from './typed-line.ts';

/** Values that only the node that the line is about knows: its pods, containers, handlers, images. None where it doesn't answer. */
export async function nodeValues(placeholder: string, line: TypedLine): Promise<string[]> {
  const options: GlobalOptions = { ...defaults, ...line.options };
  try {
    return (await sources[placeholder]?.(options, line)) ?? [];
  } catch {
    return [];
  }
}

const sources: Record<string, (options: GlobalOptions, line: TypedLine) => Promise<string[]>> = {
  pod: async (options, line) => (await podsOf(options)).filter(inNamespace(line)).map(nameOf),
  container: async (options, line) => {
    const pods = (await podsOf(options)).filter(isWanted(line));
    return unique(pods.flatMap((pod) => (pod.spec?.containers ?? []).map(({ name }) => name)));
  },
  'pod/container': async (options, line) =>
    (await podsOf(options))
      .filter(inNamespace(line))
      .flatMap((pod) => (pod.spec?.containers ?? []).map(({ name }) => `${nameOf(pod)}/${name}`)),
  ports: async (options, line) => {
    const containers = (await podsOf(options)).filter(isWanted(line)).flatMap((pod) => pod.spec?.containers ?? []);
    const ports = containers.flatMap((container) => container.ports ?? []);
    return unique(ports.filter(({ protocol = 'TCP' }) => protocol === 'TCP').map(({ containerPort }) => String(containerPort)));
  },
  namespace: async (options) => unique((await podsOf(options)).map((pod) => pod.metadata?.namespace ?? 'default')),
  handler: async (options) => handlers(options),
  handlers: async (options, { word }) => {
    const before = word.split(',').slice(0, -1);
    return handlers(options)
      .filter((handler) => !before.includes(handler))
      .map((handler) => [...before, handler].join(','));
  },
  network: async (options, line) => {
    const told = line.options.confDir ?? process.env.NETCONFPATH;
    const { confDir } = chooseDirectories(told === undefined ? {} : { confDir: told }, compose(options).resolve(tokens.cni));
    return unique((await readConfigDirectory(confDir)).networks.map(({ name }) => name));
  },
  netns: async () => (await readdir(namedNamespaces)).map((name) => join(namedNamespaces, name)),
  image: async (options) => {
    const images = await openImageStore(undefined, { root: options.root, run: options.run }).list();
    return unique(images.map(({ name, id }) => (name === '<none>' ? id : name)));
  },
};

/** Where `ip netns add` puts them. */
const namedNamespaces = '/run/netns';

function handlers(options: GlobalOptions): string[] {
  return compose(options)
    .resolve(tokens.configuration)
    .runtimes.map(({ handler }) => handler);
}

async function podsOf(options: GlobalOptions): Promise<Pod[]> {
  const client = new KubeletClient(options);
  try {
    return await client.pods();
  } finally {
    await client.close();
  }
}

function inNamespace({ options }: TypedLine): (pod: Pod) => boolean {
  return (pod) => pod.metadata?.namespace === (options.namespace ?? 'default');
}

/** The pod that the line names, or any in its namespace before it names one. */
function isWanted(line: TypedLine): (pod: Pod) => boolean {
  const [wanted] = line.positionals;
  if (wanted === undefined) return inNamespace(line);
  const { namespace, name } = podReference(wanted, line.options.namespace ?? 'default');
  return (pod) => nameOf(pod) === name && pod.metadata?.namespace === namespace;
}

function nameOf(pod: Pod): string {
  return pod.metadata?.name ?? '';
}

function unique(names: string[]): string[] {
  return [...new Set(names)];
}
