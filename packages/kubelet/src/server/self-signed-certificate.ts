import { createPrivateKey, randomBytes, webcrypto, X509Certificate } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { hostAddresses } from '../host-facts.ts';

interface CertificatePair {
  /** PEM, both. */
  cert: string;
  key: string;
}

const yearMs = 365 * 24 * 60 * 60 * 1000;
/** One that ends sooner is made anew. */
const renewBeforeMs = 30 * 24 * 60 * 60 * 1000;

/** The node's own certificate below `kubeletRoot/pki`, as kubelet names it: made once, for a year, and used again as long as it holds. */
export async function selfSignedCertificate(kubeletRoot: string, nodeName: string, address: string): Promise<CertificatePair> {
  const directory = join(kubeletRoot, 'pki');
  const [certFile, keyFile] = [join(directory, 'kubelet.crt'), join(directory, 'kubelet.key')];
  const known = await readPair(certFile, keyFile);
  if (known) return known;
  const made = await make(
    nodeName,
    [...new Set(['127.0.0.1', address, ...hostAddresses()])].filter((ip) => isIP(ip) && ip !== '0.0.0.0' && ip !== '::'),
  );
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await replace(keyFile, made.key, 0o600);
  await replace(certFile, made.cert, 0o644);
  return made;
}

/** Undefined for a pair that isn't there, isn't one, or doesn't hold much longer. */
async function readPair(certFile: string, keyFile: string): Promise<CertificatePair | undefined> {
  try {
    const [cert, key] = await Promise.all([readFile(certFile, 'utf8'), readFile(keyFile, 'utf8')]);
    const certificate = new X509Certificate(cert);
    const good = certificate.checkPrivateKey(createPrivateKey(key)) && certificate.validToDate.getTime() - Date.now() > renewBeforeMs;
    return good ? { cert, key } : undefined;
  } catch {
    return undefined;
  }
}

/** The library is loaded only where a certificate has to be made. */
async function make(nodeName: string, addresses: string[]): Promise<CertificatePair> {
  await import('reflect-metadata');
  const x509 = await import('@peculiar/x509');
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const now = Date.now();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: randomBytes(8).toString('hex').replace(/^./, '1'),
    name: [{ CN: [`${nodeName}@${Math.floor(now / 1000)}`] }],
    // Clocks of clients may be behind.
    notBefore: new Date(now - 60 * 60 * 1000),
    notAfter: new Date(now + yearMs),
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyCertSign, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension([
        { type: 'dns', value: nodeName },
        { type: 'dns', value: 'localhost' },
        ...addresses.map((value) => ({ type: 'ip' as const, value })),
      ]),
    ],
  });
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey));
  return { cert: certificate.toString('pem'), key: x509.PemConverter.encode(pkcs8, 'PRIVATE KEY') };
}

async function replace(path: string, text: string, mode: number): Promise<void> {
  await writeFile(`${path}.new`, text, { mode });
  await rename(`${path}.new`, path);
}
