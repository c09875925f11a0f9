import { randomBytes } from 'node:crypto';
import { PluginError } from '@berth/sdk/errors';

interface TokenLimits {
  lifetimeMs: number;
  /** Most that may be waiting to be used. */
  most: number;
  /** Most bytes that they may hold together. */
  mostBytes: number;
}

/** kubelet's cri-streaming (request_cache.go) has the same time and number. */
const defaults: TokenLimits = { lifetimeMs: 60_000, most: 1000, mostBytes: 16 * 1024 * 1024 };

/** What was asked for and not yet fetched, each by a token that nobody can guess, that works once, and not for long. */
export class SessionTokens<Session> {
  readonly #limits: TokenLimits;
  readonly #waiting = new Map<string, { session: Session; bytes: number; expiresAt: number }>();
  /** In milliseconds, by a clock that nobody sets. */
  readonly #now: () => number;
  #bytes = 0;

  constructor(limits: Partial<TokenLimits> = {}, now: () => number = () => performance.now()) {
    this.#limits = { ...defaults, ...limits };
    this.#now = now;
  }

  /** A token for `session`, which holds `bytes` of what was asked; RESOURCE_EXHAUSTED while too many, or too much, is waiting. */
  issue(session: Session, bytes = 0): string {
    this.#dropExpired();
    const { most, mostBytes, lifetimeMs } = this.#limits;
    if (this.#waiting.size >= most || this.#bytes + bytes > mostBytes) {
      throw new PluginError('RESOURCE_EXHAUSTED', `${this.#waiting.size} sessions have been asked for and not been used`, {
        object: 'streaming server',
        hint: `connect to them, or wait ${lifetimeMs / 1000} s until they expire`,
      });
    }
    const token = randomBytes(24).toString('base64url');
    this.#waiting.set(token, { session, bytes, expiresAt: this.#now() + lifetimeMs });
    this.#bytes += bytes;
    return token;
  }

  /** The session of a token, which is of no use from then on; undefined for one that is unknown, used or expired. */
  redeem(token: string): Session | undefined {
    this.#dropExpired();
    const found = this.#waiting.get(token);
    this.#drop(token);
    return found?.session;
  }

  /** A map keeps the order of issue, which is that of expiry. */
  #dropExpired(): void {
    for (const [token, { expiresAt }] of this.#waiting) {
      if (expiresAt > this.#now()) return;
      this.#drop(token);
    }
  }

  #drop(token: string): void {
    this.#bytes -= this.#waiting.get(token)?.bytes ?? 0;
    this.#waiting.delete(token);
  }
}
