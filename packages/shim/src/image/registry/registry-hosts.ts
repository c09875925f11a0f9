import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { PluginError } from '@berth/sdk/errors';
import { absent } from '../../files/absent.ts';
import { type HostsFile, parseHostsToml } from './hosts-toml.ts';
import { defaultSettings, isLoopback, type RegistryHost } from './registry-host.ts';

/**
 * The hosts to be asked for images of the registry `domain`, the registry itself last. `configPath` is one directory,
 * or several with ":" between them, of `HOST/hosts.toml` or of Docker's `HOST/*.crt, *.cert, *.key`, as containerd's
 * `config_path`; it is read afresh each time. An impossible domain is INVALID_ARGUMENT.
 */
export async function registryHosts(configPath: string, domain: string): Promise<RegistryHost[]> {
  if (!URL.canParse(`https://${domain}`)) {
    throw new PluginError('INVALID_ARGUMENT', 'no registry can have this address', {
      object: `registry ${domain}`,
      hint: 'correct the name of the image: a host, and a port up to 65535',
    });
  }
  try {
    const directory = await hostDirectory(configPath, domain);
    const file = directory === undefined ? undefined : await readHostDirectory(directory);
    return resolveHosts(file ?? { hosts: [], server: { ...defaultSettings, api: undefined } }, domain);
  } catch (error) {
    if (error instanceof PluginError) throw error;
    throw new PluginError('FAILED_PRECONDITION', (error as Error).message, {
      object: `registry configuration ${configPath}`,
      hint: 'make it readable for this user, or remove it',
    });
  }
}

/** Hosts as they are to be asked; plain HTTP is for loopback, unless something is said about its certificates. */
export function resolveHosts({ hosts, server }: HostsFile, domain: string): RegistryHost[] {
  const host = domain === 'docker.io' ? 'registry-1.docker.io' : domain;
  const isPlain = isLoopback(host) && server.ca.length === 0 && server.client.length === 0 && server.skipVerify === undefined;
  const api = server.api ?? `${isPlain ? 'http' : 'https'}://${host}/v2`;
  const isNamed = (address: string) => [host, domain].some((known) => new URL(`https://${known}`).host === address);
  const mirrors = hosts.map((mirror): RegistryHost => {
    const address = new URL(mirror.api).host;
    const isOwn = isNamed(address);
    return { ...mirror, name: `${isOwn ? 'registry' : 'mirror'} ${address}`, namespace: isOwn ? undefined : domain, isOwn };
  });
  const address = new URL(api).host;
  const own = { ...server, api, name: `registry ${address}`, namespace: isNamed(address) ? undefined : domain, isOwn: true };
  return [...mirrors, own];
}

/** A port is written `HOST_PORT_` or `HOST:PORT`; `_default` is for registries that have no directory. */
async function hostDirectory(configPath: string, domain: string): Promise<string | undefined> {
  const names = [...new Set([domain.replace(/:(\d+)$/, '_$1_'), domain, '_default'])];
  for (const root of configPath.split(':').filter(Boolean)) {
    for (const name of names) {
      const directory = join(root, name);
      if ((await stat(directory).catch(absent))?.isDirectory()) return directory;
    }
  }
  return undefined;
}

async function readHostDirectory(directory: string): Promise<HostsFile> {
  const path = join(directory, 'hosts.toml');
  const text = await readFile(path, 'utf8')
    .catch(absent)
    .catch((cause: NodeJS.ErrnoException) => {
      throw new PluginError('FAILED_PRECONDITION', cause.code === 'EISDIR' ? 'it is a directory' : cause.message, {
        object: path,
        hint: 'make it a file that this user can read, or remove it',
        cause,
      });
    });
  return text ? parseHostsToml(text, path) : certificateFiles(directory);
}

/** Docker's way: `*.crt` are authorities, `NAME.cert` with `NAME.key` a client certificate. */
async function certificateFiles(directory: string): Promise<HostsFile> {
  const names = (await readdir(directory)).toSorted();
  const ending = (suffix: string) => names.filter((name) => name.endsWith(suffix));
  const client = ending('.cert').map((cert) => {
    const key = cert.replace(/cert$/, 'key');
    if (names.includes(key)) return { cert: join(directory, cert), key: join(directory, key) };
    throw new PluginError('FAILED_PRECONDITION', `there is no ${key} beside it`, {
      object: join(directory, cert),
      hint: 'put the private key there, or name an authority *.crt',
    });
  });
  const ca = ending('.crt').map((name) => join(directory, name));
  return { hosts: [], server: { ...defaultSettings, ca, client, api: undefined } };
}
