import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { PluginError } from '@berth/sdk/errors';

/** Where a server's certificate, with the chain up to its authority, and the private key of it are; both in PEM. */
export interface CertificateFiles {
  certFile: string;
  keyFile: string;
}

interface KeyPair {
  cert: Buffer;
  key: Buffer;
}

/** The certificate that a server shows, from files that others may replace while it runs. */
export class ServingCertificate {
  readonly #files: CertificateFiles;
  #pair: KeyPair;

  /** Throws a PluginError, which names the file, for what can't be read or is no pair. */
  constructor(files: CertificateFiles) {
    this.#files = files;
    this.#pair = read(files);
  }

  get pair(): KeyPair {
    return this.#pair;
  }

  /** Whether the files hold another pair by now, which is `pair` from then on. Throws as the constructor does, and keeps the one before. */
  renew(): boolean {
    const { cert, key } = read(this.#files);
    if (cert.equals(this.#pair.cert) && key.equals(this.#pair.key)) return false;
    this.#pair = { cert, key };
    return true;
  }
}

function read({ certFile, keyFile }: CertificateFiles): KeyPair {
  const pair = { cert: readPem(certFile), key: readPem(keyFile) };
  try {
    createSecureContext(pair);
    return pair;
  } catch (cause) {
    throw new PluginError('INVALID_ARGUMENT', `no certificate with its private key: ${(cause as Error).message}`, {
      object: `${certFile} and ${keyFile}`,
      hint: 'give both in PEM, the key without a passphrase',
      cause,
    });
  }
}

function readPem(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw PluginError.from(error, 'INVALID_ARGUMENT', { object: path });
  }
}
