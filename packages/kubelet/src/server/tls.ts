import { readFile } from 'node:fs/promises';
import type { ServerOptions } from 'node:https';
import type { SecureVersion } from 'node:tls';
import { PluginError } from '@berth/sdk/errors';
import { selfSignedCertificate } from './self-signed-certificate.ts';
import type { KubeletServerOptions, TlsVersion } from './server-options.ts';

const versions: Record<TlsVersion, SecureVersion> = {
  VersionTLS10: 'TLSv1',
  VersionTLS11: 'TLSv1.1',
  VersionTLS12: 'TLSv1.2',
  VersionTLS13: 'TLSv1.3',
};

/** OpenSSL's name of each suite that Go has; TLS 1.3 has the same names in both. */
const suites: Record<string, string> = {
  TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA: 'ECDHE-ECDSA-AES128-SHA',
  TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256: 'ECDHE-ECDSA-AES128-SHA256',
  TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: 'ECDHE-ECDSA-AES128-GCM-SHA256',
  TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA: 'ECDHE-ECDSA-AES256-SHA',
  TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384: 'ECDHE-ECDSA-AES256-GCM-SHA384',
  TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305: 'ECDHE-ECDSA-CHACHA20-POLY1305',
  TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: 'ECDHE-ECDSA-CHACHA20-POLY1305',
  TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA: 'ECDHE-RSA-AES128-SHA',
  TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256: 'ECDHE-RSA-AES128-SHA256',
  TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256: 'ECDHE-RSA-AES128-GCM-SHA256',
  TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA: 'ECDHE-RSA-AES256-SHA',
  TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384: 'ECDHE-RSA-AES256-GCM-SHA384',
  TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305: 'ECDHE-RSA-CHACHA20-POLY1305',
  TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256: 'ECDHE-RSA-CHACHA20-POLY1305',
  TLS_RSA_WITH_AES_128_CBC_SHA: 'AES128-SHA',
  TLS_RSA_WITH_AES_128_CBC_SHA256: 'AES128-SHA256',
  TLS_RSA_WITH_AES_128_GCM_SHA256: 'AES128-GCM-SHA256',
  TLS_RSA_WITH_AES_256_CBC_SHA: 'AES256-SHA',
  TLS_RSA_WITH_AES_256_GCM_SHA384: 'AES256-GCM-SHA384',
};

const suites13 = ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'];

/** OpenSSL's name of each group that Go has, by its number. */
const groups: Readonly<Record<number, string>> = {
  23: 'P-256',
  24: 'P-384',
  25: 'P-521',
  29: 'X25519',
  4587: 'SecP256r1MLKEM768',
  4588: 'X25519MLKEM768',
  4589: 'SecP384r1MLKEM1024',
};

/** What the TLS port presents and demands. Clients may show a certificate; the guard says what one that isn't good means. */
export async function tlsOptions(options: KubeletServerOptions, kubeletRoot: string, nodeName: string): Promise<ServerOptions> {
  const { tlsCertFile, tlsPrivateKeyFile, tlsMinVersion, tlsCipherSuites, tlsCurvePreferences, authentication, address } = options;
  const { clientCAFile } = authentication.x509;
  if ((tlsCertFile === undefined) !== (tlsPrivateKeyFile === undefined)) {
    throw new PluginError('INVALID_ARGUMENT', 'a certificate and its private key go together', {
      object: tlsCertFile === undefined ? 'tlsPrivateKeyFile' : 'tlsCertFile',
      hint: 'give both tlsCertFile and tlsPrivateKeyFile, or neither',
    });
  }
  const pair =
    tlsCertFile !== undefined && tlsPrivateKeyFile !== undefined
      ? { cert: await read('tlsCertFile', tlsCertFile), key: await read('tlsPrivateKeyFile', tlsPrivateKeyFile) }
      : await selfSignedCertificate(kubeletRoot, nodeName, address);
  return {
    ...pair,
    minVersion: versions[tlsMinVersion],
    ...(tlsCipherSuites.length > 0 && { ciphers: [...suites13, ...tlsCipherSuites.flatMap(opensslName)].join(':') }),
    ...(tlsCurvePreferences.length > 0 && { ecdhCurve: tlsCurvePreferences.map(groupName).join(':') }),
    ...(clientCAFile !== undefined && {
      ca: await read('authentication.x509.clientCAFile', clientCAFile),
      requestCert: true,
      rejectUnauthorized: false,
    }),
  };
}

function opensslName(name: string): string[] {
  if (suites13.includes(name)) return [];
  const openssl = suites[name];
  if (openssl !== undefined) return [openssl];
  throw new PluginError('INVALID_ARGUMENT', `Cipher suite ${name} not supported or doesn't exist`, {
    object: 'tlsCipherSuites',
    hint: `use some of ${Object.keys(suites).join(', ')}`,
  });
}

function groupName(id: number): string {
  const name = groups[id];
  if (name !== undefined) return name;
  throw new PluginError('INVALID_ARGUMENT', `curve ${id} is not supported`, {
    object: 'tlsCurvePreferences',
    hint: `use some of ${Object.entries(groups)
      .map(([known, openssl]) => `${known} (${openssl})`)
      .join(', ')}`,
  });
}

async function read(option: string, path: string): Promise<string> {
  return readFile(path, 'utf8').catch((thrown: unknown) => {
    throw PluginError.from(thrown, 'INVALID_ARGUMENT', { object: `${option} ${path}` });
  });
}
