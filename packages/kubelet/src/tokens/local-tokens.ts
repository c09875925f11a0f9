import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PluginError } from '@berth/sdk/errors';
import type { Clock } from '../clock.ts';
import type { ObjectSource } from '../sources/object-source.ts';
import type { IssuedToken, TokenRequest, TokenSource } from './token-source.ts';

interface LocalTokensOptions {
  /** The key is kept here, `service-account.key`, with its public half for those who check tokens, `service-account.pub`. */
  directory: string;
  /** Whose tokens these say they are, and for whom those are that name no audience. */
  issuer?: string;
  objects: ObjectSource;
  clock: Clock;
}

/** The name that an API server has for its own pods. */
export const defaultIssuer = 'https://kubernetes.default.svc.cluster.local';

const algorithm = 'ES256';

/** Tokens that the node signs itself, for a node without an API server; with the claims that an API server would write. */
export class LocalTokens implements TokenSource {
  readonly #options: LocalTokensOptions;
  #key: Promise<KeyObject> | undefined;

  constructor(options: LocalTokensOptions) {
    this.#options = options;
  }

  async token(request: TokenRequest, signal: AbortSignal): Promise<IssuedToken> {
    const { issuer = defaultIssuer, clock } = this.#options;
    const accountUid = await this.#accountUid(request, signal);
    const key = await this.#signingKey();
    const issuedAt = new Date(Math.floor(clock.now().getTime() / 1000) * 1000);
    const expiresAt = new Date(issuedAt.getTime() + request.expirationSeconds * 1000);
    // Only nodes whose pods ask for tokens keep it in memory.
    const { SignJWT } = await import('jose');
    const token = await new SignJWT({ 'kubernetes.io': boundTo(request, accountUid) })
      .setProtectedHeader({ alg: algorithm, kid: keyId(key) })
      .setIssuer(issuer)
      .setAudience(request.audiences.length > 0 ? [...request.audiences] : [issuer])
      .setSubject(`system:serviceaccount:${request.namespace}:${request.serviceAccount}`)
      .setIssuedAt(issuedAt)
      .setNotBefore(issuedAt)
      .setExpirationTime(expiresAt)
      .setJti(randomUUID())
      .sign(key);
    return { token, issuedAt, expiresAt };
  }

  /** Every namespace has an account `default`; any other has to be there. */
  async #accountUid({ namespace, serviceAccount }: TokenRequest, signal: AbortSignal): Promise<string> {
    const account = await this.#options.objects.get('ServiceAccount', namespace, serviceAccount, signal);
    if (!account && serviceAccount !== 'default') {
      throw new PluginError('NOT_FOUND', `failed to fetch token: serviceaccounts ${JSON.stringify(serviceAccount)} not found`);
    }
    return account?.metadata?.uid ?? uidFrom(`${namespace}/${serviceAccount}`);
  }

  #signingKey(): Promise<KeyObject> {
    this.#key ??= this.#readOrMakeKey().catch((thrown: unknown) => {
      this.#key = undefined;
      throw PluginError.from(thrown, 'INTERNAL', { object: `key in ${this.#options.directory}` });
    });
    return this.#key;
  }

  async #readOrMakeKey(): Promise<KeyObject> {
    const { directory } = this.#options;
    const file = join(directory, 'service-account.key');
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const pem = await readFile(file, 'utf8').catch((thrown: NodeJS.ErrnoException) => {
      if (thrown.code === 'ENOENT') return undefined;
      throw thrown;
    });
    const key = pem === undefined ? generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey : createPrivateKey(pem);
    if (pem === undefined) await writeWhole(file, key.export({ type: 'pkcs8', format: 'pem' }), 0o600);
    await writeWhole(join(directory, 'service-account.pub'), createPublicKey(key).export({ type: 'spki', format: 'pem' }), 0o644);
    return key;
  }
}

function boundTo({ namespace, serviceAccount, pod, nodeName }: TokenRequest, accountUid: string): object {
  return {
    namespace,
    node: { name: nodeName },
    pod,
    serviceaccount: { name: serviceAccount, uid: accountUid },
  };
}

async function writeWhole(file: string, content: string | Buffer, mode: number): Promise<void> {
  await writeFile(`${file}.tmp`, content, { mode, flush: true });
  await rename(`${file}.tmp`, file);
}

function keyId(key: KeyObject): string {
  return createHash('sha256')
    .update(createPublicKey(key).export({ type: 'spki', format: 'der' }))
    .digest('base64url');
}

/** An account from a file has no uid: the same name gives the same. */
function uidFrom(name: string): string {
  const hex = createHash('sha256').update(name).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-');
}
