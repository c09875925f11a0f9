import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { PluginError } from '@berth/sdk/errors';
import type { Clock } from '../../clock.ts';
import { ExpiringCache } from '../expiring-cache.ts';
import { type Authenticator, authenticatedGroup, type TokenReview, type TokenReviewer, type User } from './authenticator.ts';

/** `Authorization: Bearer TOKEN`, judged by a reviewer whose answers hold for a while. Tokens themselves aren't kept. */
export class BearerToken implements Authenticator {
  readonly #reviewer: TokenReviewer;
  readonly #cache: ExpiringCache<TokenReview>;
  readonly #cacheTtlMs: number;

  constructor(reviewer: TokenReviewer, cacheTtlMs: number, clock: Clock) {
    this.#reviewer = reviewer;
    this.#cacheTtlMs = cacheTtlMs;
    this.#cache = new ExpiringCache(clock);
  }

  async authenticate({ headers }: IncomingMessage, signal: AbortSignal): Promise<User | undefined> {
    const [, token] = /^Bearer +(\S+) *$/i.exec(headers.authorization ?? '') ?? [];
    if (token === undefined) return undefined;
    const { authenticated, user } = await this.#review(token, signal);
    if (!authenticated || !user) throw new PluginError('UNAUTHENTICATED', 'nobody knows it', { object: 'bearer token' });
    return { ...user, groups: [...new Set([...user.groups, authenticatedGroup])] };
  }

  async #review(token: string, signal: AbortSignal): Promise<TokenReview> {
    const key = createHash('sha256').update(token).digest('base64');
    const known = this.#cache.get(key);
    if (known) return known;
    const review = await this.#reviewer.review(token, signal);
    this.#cache.set(key, review, this.#cacheTtlMs);
    return review;
  }
}
