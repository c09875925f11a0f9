import { readFileSync } from 'node:fs';
import type { ConnectOptions } from '@berth/sdk/connect';
import { PluginError } from '@berth/sdk/errors';

/** A member of the etcd cluster: an address as `connect()` reads it, and whether it speaks TLS. */
export interface Endpoint {
  address: string;
  secure: boolean;
}

/** PEM files of flannel's flags; empty for none. */
interface TlsFiles {
  'etcd-cafile': string;
  'etcd-certfile': string;
  'etcd-keyfile': string;
}

const usualPort = 2379;

/**
 * Reads `http://10.0.0.1:2379,https://etcd.example:2379`. One without a scheme speaks TLS if TLS files are given. Throws INVALID_ARGUMENT that
 * names the endpoint.
 */
export function parseEndpoints(list: string, files: TlsFiles): Endpoint[] {
  const texts = list
    .split(',')
    .map((text) => text.trim())
    .filter((text) => text !== '');
  if (texts.length === 0) throw invalid(list);
  const hasTls = Object.values(files).some((file) => file !== '');
  return texts.map((text) => {
    const [, scheme, host, port] = /^(?:(https?):\/\/)?(\[[0-9a-fA-F:.]+\]|[^:/[\]]+)(?::(\d{1,5}))?\/?$/.exec(text) ?? [];
    if (host === undefined) throw invalid(text);
    return { address: `${host}:${port ?? usualPort}`, secure: scheme === undefined ? hasTls : scheme === 'https' };
  });
}

/** Reads the files. Throws a PluginError that names the flag and the file. */
export function readTls(files: TlsFiles): NonNullable<ConnectOptions['tls']> {
  if ((files['etcd-certfile'] === '') !== (files['etcd-keyfile'] === '')) {
    throw new PluginError('INVALID_ARGUMENT', 'one is given without the other', {
      object: 'flags -etcd-certfile and -etcd-keyfile',
      hint: 'give both, or neither',
    });
  }
  const authorities = read(files, 'etcd-cafile');
  const certificate = read(files, 'etcd-certfile');
  const key = read(files, 'etcd-keyfile');
  return { ...(authorities && { authorities }), ...(certificate && key && { certificate, key }) };
}

function read(files: TlsFiles, flag: keyof TlsFiles): Buffer | undefined {
  if (files[flag] === '') return undefined;
  try {
    return readFileSync(files[flag]);
  } catch (error) {
    throw PluginError.from(error, 'INTERNAL', { object: `flag -${flag}` });
  }
}

function invalid(text: string): PluginError {
  return new PluginError('INVALID_ARGUMENT', 'is no endpoint of etcd', {
    object: `flag -etcd-endpoints: ${JSON.stringify(text)}`,
    hint: 'write http://HOST:PORT or https://HOST:PORT, "," between several',
  });
}
