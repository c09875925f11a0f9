import { readFile } from 'node:fs/promises';
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls';
import { PluginError } from '@berth/sdk/errors';
import type { HostSettings } from './registry-host.ts';

export interface TlsOptions {
  secureContext: SecureContext;
  rejectUnauthorized: boolean;
}

let systemContext: SecureContext | undefined;

/** What to trust and to show: the system's authorities, and the files that the host's settings name. Errors name the file. */
export async function tlsOptions({ ca, client, skipVerify }: Pick<HostSettings, 'ca' | 'client' | 'skipVerify'>): Promise<TlsOptions> {
  const rejectUnauthorized = skipVerify !== true;
  if (ca.length === 0 && client.length === 0) {
    systemContext ??= createSecureContext({ ca: systemAuthorities() });
    return { secureContext: systemContext, rejectUnauthorized };
  }
  const own = await Promise.all(ca.map(pem));
  const [first, ...more] = await Promise.all(client.map(async ({ cert, key }) => ({ cert: await pem(cert), key: await pem(key) })));
  const pairs = first ? [first, ...more] : [];
  try {
    const secureContext = createSecureContext({
      ca: [...systemAuthorities(), ...own],
      cert: pairs.map(({ cert }) => cert),
      key: pairs.map(({ key }) => key),
    });
    return { secureContext, rejectUnauthorized };
  } catch (cause) {
    const paths = [...ca, ...client.flatMap(({ cert, key }) => [cert, key])];
    throw new PluginError('FAILED_PRECONDITION', `OpenSSL can't use them: ${(cause as Error).message}`, {
      object: `certificates ${[...new Set(paths)].join(', ')}`,
      hint: 'give PEM files, and with each certificate the key that it was made with',
      cause,
    });
  }
}

/** Those that the host's own programs trust, so that an authority added to the host counts; Node's own where it has none. */
function systemAuthorities(): string[] {
  const system = getCACertificates('system');
  return [...new Set(system.length > 0 ? system : getCACertificates('default'))];
}

async function pem(path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw PluginError.from(error, 'FAILED_PRECONDITION', {
      object: path,
      hint: 'correct the path in hosts.toml, or make it readable for this user',
    });
  });
  if (text.includes('-----BEGIN ')) return text;
  throw new PluginError('FAILED_PRECONDITION', 'it holds nothing in PEM', {
    object: path,
    hint: 'convert it with: openssl x509 -inform der',
  });
}
