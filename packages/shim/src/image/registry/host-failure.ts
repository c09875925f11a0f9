import { type Code, PluginError } from '@berth/sdk/errors';
import type { RegistryHost } from './registry-host.ts';
import { Stalled } from './transport.ts';

/** `unreachable`: no connection; `interrupted`: it may work when tried again; `refused`: its answer was no; `wrong`: it breaks the protocol. */
type Kind = 'unreachable' | 'interrupted' | 'refused' | 'wrong';

/** Why one host didn't do what it was asked for. */
export class HostFailure extends PluginError {
  readonly kind: Kind;
  /** Without image and cure, to be put beside the failures of other hosts: `mirror m.example: connection refused`. */
  readonly short: string;

  constructor(kind: Kind, code: Code, short: string, options: { object: string; hint: string; cause?: unknown }) {
    super(code, short, options);
    this.kind = kind;
    this.short = short;
  }
}

/** Makes the failures of one host, of the work on one image. */
export class HostFailures {
  readonly #object: string;
  readonly #host: RegistryHost;

  constructor(object: string, host: RegistryHost) {
    this.#object = object;
    this.#host = host;
  }

  /** It answered something that no registry should. */
  wrong(code: Code, url: URL, what: string, hint: string): HostFailure {
    return this.#failure('wrong', code, url, what, hint);
  }

  /** It answered with an error status; `said` is its message. */
  refused(status: number, said: string, url: URL): HostFailure {
    const what = `answered ${status}${said && `, ${said}`}`;
    if (status === 404) return this.#failure('refused', 'NOT_FOUND', url, what, 'check the name and the tag');
    if (status === 401 || status === 403) {
      return this.#failure('refused', 'PERMISSION_DENIED', url, what, 'check the name, and the credentials (imagePullSecrets, or --creds)');
    }
    if (status === 400 && url.protocol === 'http:' && /\bHTTPS\b/i.test(said))
      return this.#failure('refused', 'UNAVAILABLE', url, what, this.#howToSpeakTls(url));
    const isPassing = status === 408 || status === 429 || status >= 500;
    return this.#failure(isPassing ? 'interrupted' : 'refused', 'UNAVAILABLE', url, what, 'try again later, or ask who runs the registry');
  }

  /** A connection failed, or the work was ended from outside. */
  failed(thrown: unknown, url: URL, signal: AbortSignal): PluginError {
    if (thrown instanceof PluginError) return thrown;
    const error = thrown as NodeJS.ErrnoException & { reason?: string };
    if (signal.aborted) {
      const isLate = signal.reason?.name === 'TimeoutError';
      return new PluginError(isLate ? 'DEADLINE_EXCEEDED' : 'CANCELLED', `it was ended while asking ${url.host}`, {
        object: this.#object,
        hint: isLate ? 'give it more time, or try again: what has come is kept' : 'try again: what has come is kept',
        cause: error,
      });
    }
    if (error instanceof Stalled) {
      const kind = error.message.startsWith('no connection') ? 'unreachable' : 'interrupted';
      return this.#failure(kind, 'UNAVAILABLE', url, error.message, whereToLook, error);
    }
    const [what, hint] = certificateProblem(error, url) ?? [
      failures[error.code ?? ''] ?? `failed: ${withoutPasswords(error.message || (error.code ?? ''))}`,
      whereToLook,
    ];
    return this.#failure(interruptions.has(error.code ?? '') ? 'interrupted' : 'unreachable', 'UNAVAILABLE', url, what, hint, error);
  }

  #howToSpeakTls({ host }: URL): string {
    const { isOwn, namespace = host } = this.#host;
    const line = isOwn ? `server = "https://${host}"` : `[host."https://${host}"]`;
    return `where it serves HTTPS, write ${line} in the hosts.toml of ${namespace}`;
  }

  #failure(kind: Kind, code: Code, url: URL, what: string, hint: string, cause?: unknown): HostFailure {
    const elsewhere = url.host === new URL(this.#host.api).host ? '' : `, at ${url.host}`;
    return new HostFailure(kind, code, `${this.#host.name}${elsewhere}: ${what}`, { object: this.#object, hint, cause });
  }
}

/** Node's messages name a proxy by its whole address. */
function withoutPasswords(message: string): string {
  return message.replaceAll(/\/\/[^/\s@]*@/g, '//');
}

const whereToLook = 'check that the registry runs and that this host can reach it';

const interruptions = new Set(['ECONNRESET', 'EPIPE', 'HPE_INVALID_EOF_STATE', 'ERR_STREAM_PREMATURE_CLOSE']);

const failures: Record<string, string> = {
  ECONNREFUSED: 'connection refused',
  ENOTFOUND: 'no such host',
  EAI_AGAIN: 'the name could not be resolved',
  ECONNRESET: 'the connection was cut',
  EPIPE: 'the connection was cut',
  EHOSTUNREACH: 'no route to it',
  ENETUNREACH: 'no route to it',
  ETIMEDOUT: 'no connection',
};

const unknownAuthority = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

/** What was wrong with a certificate and what to do, for errors of TLS. */
function certificateProblem({ code = '', reason }: NodeJS.ErrnoException & { reason?: string }, url: URL): [string, string] | undefined {
  if (unknownAuthority.has(code)) {
    return [
      'its certificate is of an authority that this host does not trust',
      `name the authority's PEM file as "ca" in the hosts.toml of ${url.host}`,
    ];
  }
  if (code === 'CERT_HAS_EXPIRED') return ['its certificate has expired', 'renew it, or set the clock of this host'];
  if (code === 'CERT_NOT_YET_VALID') return ['its certificate is not valid yet', 'set the clock of this host'];
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return [`its certificate is for another name: ${reason}`, 'use a name that the certificate has'];
  if (/^ERR_SSL_.*ALERT/.test(code))
    return [`it ended the TLS handshake (${code})`, `name a client certificate as "client" in the hosts.toml of ${url.host}`];
  if (code === 'EPROTO' || code.startsWith('ERR_SSL_')) {
    return ['it does not speak TLS', `where it serves plain HTTP, write http:// before its name in the hosts.toml of ${url.host}`];
  }
  return undefined;
}
