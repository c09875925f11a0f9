import type { IncomingMessage } from 'node:http';
import { PluginError } from '@berth/sdk/errors';
import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import { type Authenticator, anonymousUser, type User } from './authentication/authenticator.ts';
import { BearerToken } from './authentication/bearer-token.ts';
import { ClientCertificate } from './authentication/client-certificate.ts';
import { attributesOf } from './authorization/attributes.ts';
import type { AccessReviewer, Attributes } from './authorization/authorizer.ts';
import { ExpiringCache } from './expiring-cache.ts';
import type { KubeletServerOptions } from './server-options.ts';

/** What a request that may not pass is answered with. */
export interface Denial {
  status: 401 | 403 | 500;
  message: string;
}

interface RequestGuardOptions extends Pick<KubeletServerOptions, 'authentication' | 'authorization' | 'tokenReviewer' | 'accessReviewer'> {
  nodeName: string;
  clock: Clock;
  log: Logger;
}

/** The longest that a reviewer may take. */
const reviewLimitMs = 10_000;

/** Who a request comes from, and whether it may be answered. */
export class RequestGuard {
  readonly #options: RequestGuardOptions;
  readonly #authenticators: Authenticator[];
  readonly #reviews: ExpiringCache<boolean>;

  /** INVALID_ARGUMENT where the options name a webhook that there is none of. */
  constructor(options: RequestGuardOptions) {
    const { authentication, authorization, tokenReviewer, accessReviewer, clock } = options;
    if (authentication.webhook.enabled && !tokenReviewer) throw missing('authentication', 'authentication.webhook.enabled');
    if (authorization.mode === 'Webhook' && !accessReviewer) throw missing('authorization', 'authorization.mode');
    this.#options = options;
    this.#reviews = new ExpiringCache(clock);
    this.#authenticators = [
      ...(authentication.x509.clientCAFile === undefined ? [] : [new ClientCertificate()]),
      ...(tokenReviewer ? [new BearerToken(tokenReviewer, authentication.webhook.cacheTTLMs, clock)] : []),
    ];
  }

  /** Undefined for a request that may pass. */
  async check(request: IncomingMessage): Promise<Denial | undefined> {
    const signal = AbortSignal.timeout(reviewLimitMs);
    const user = await this.#authenticate(request, signal);
    if (!user) return { status: 401, message: 'Unauthorized' };
    return this.#authorize(user, request, signal);
  }

  /** One bad credential keeps no other from being looked at. */
  async #authenticate(request: IncomingMessage, signal: AbortSignal): Promise<User | undefined> {
    let refused = false;
    for (const authenticator of this.#authenticators) {
      try {
        const user = await authenticator.authenticate(request, signal);
        if (user) return user;
      } catch (thrown) {
        refused = true;
        this.#options.log.warn(
          { address: request.socket.remoteAddress },
          `unable to authenticate the request: ${PluginError.from(thrown).message}`,
        );
      }
    }
    return !refused && this.#options.authentication.anonymous.enabled ? anonymousUser : undefined;
  }

  async #authorize(user: User, { method = 'GET', url = '/' }: IncomingMessage, signal: AbortSignal): Promise<Denial | undefined> {
    const { authorization, accessReviewer, nodeName } = this.#options;
    if (authorization.mode === 'AlwaysAllow' || !accessReviewer) return undefined;
    const wanted = attributesOf(user, method, URL.parse(url, 'http://kubelet')?.pathname ?? '', nodeName);
    for (const attributes of wanted) {
      try {
        if (await this.#review(accessReviewer, attributes, signal)) return undefined;
      } catch (thrown) {
        this.#options.log.error({ err: thrown }, 'the right to a request could not be reviewed');
        return { status: 500, message: describe('Authorization error', [attributes], `subresource=${attributes.subresource}`) };
      }
    }
    const subresources = wanted.map(({ subresource }) => subresource).join(' ');
    return { status: 403, message: describe('Forbidden', wanted, `subresource(s)=[${subresources}]`) };
  }

  async #review(reviewer: AccessReviewer, attributes: Attributes, signal: AbortSignal): Promise<boolean> {
    const { cacheAuthorizedTTLMs, cacheUnauthorizedTTLMs } = this.#options.authorization.webhook;
    const key = JSON.stringify(attributes);
    const known = this.#reviews.get(key);
    if (known !== undefined) return known;
    const { allowed } = await reviewer.review(attributes, signal);
    this.#reviews.set(key, allowed, allowed ? cacheAuthorizedTTLMs : cacheUnauthorizedTTLMs);
    return allowed;
  }
}

function describe(what: string, [attributes]: Attributes[], subresource: string): string {
  return `${what} (user=${attributes?.user.name}, verb=${attributes?.verb}, resource=${attributes?.resource}, ${subresource})`;
}

function missing(what: string, object: string): PluginError {
  return new PluginError('INVALID_ARGUMENT', `no client provided, cannot use webhook ${what}`, {
    object,
    hint: 'name an API server, or choose another way',
  });
}
