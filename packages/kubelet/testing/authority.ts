import 'reflect-metadata';
import { randomBytes, webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

interface Pair {
  cert: string;
  key: string;
}

/** An authority of a test's own, which makes certificates for a day. */
export class TestAuthority {
  readonly cert: string;
  readonly #keys: webcrypto.CryptoKeyPair;
  readonly #name: string;

  static async create(name = 'test authority'): Promise<TestAuthority> {
    const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      ...validity(),
      name: `CN=${name}`,
      keys,
      signingAlgorithm: algorithm,
      extensions: [new x509.BasicConstraintsExtension(true), new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign)],
    });
    return new TestAuthority(name, certificate.toString('pem'), keys);
  }

  private constructor(name: string, cert: string, keys: webcrypto.CryptoKeyPair) {
    this.cert = cert;
    this.#name = name;
    this.#keys = keys;
  }

  /** For a client: `subject` as `CN=admin,O=system:masters`. */
  async client(subject: string): Promise<Pair> {
    const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
    const certificate = await x509.X509CertificateGenerator.create({
      ...validity(),
      subject,
      issuer: `CN=${this.#name}`,
      publicKey: keys.publicKey,
      signingKey: this.#keys.privateKey,
      signingAlgorithm: algorithm,
      extensions: [new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth])],
    });
    const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
    return { cert: certificate.toString('pem'), key: x509.PemConverter.encode(pkcs8, 'PRIVATE KEY') };
  }
}

function validity() {
  const [hour, now] = [3_600_000, Date.now()];
  return {
    serialNumber: `01${randomBytes(7).toString('hex')}`,
    notBefore: new Date(now - hour),
    notAfter: new Date(now + 24 * hour),
  };
}
