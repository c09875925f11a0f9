import type { Clock } from '../clock.ts';
import type { IssuedToken, TokenRequest, TokenSource } from './token-source.ts';

/** A token is replaced when this much of its life is over, or when it is a day old (kubelet's token manager). */
const refreshAtPart = 0.8;
const oldestMs = 24 * 60 * 60 * 1000;
/** So that the tokens of many pods aren't all replaced at once. */
const mostJitterMs = 10_000;

/** Tokens of another source, each kept until it is to be replaced; while that fails, as long as it is good. */
export class CachedTokens implements TokenSource {
  readonly #source: TokenSource;
  readonly #clock: Clock;
  readonly #tokens = new Map<string, IssuedToken & { refreshAt: Date }>();

  constructor(source: TokenSource, clock: Clock) {
    this.#source = source;
    this.#clock = clock;
  }

  async token(request: TokenRequest, signal: AbortSignal): Promise<IssuedToken> {
    const key = JSON.stringify(request);
    const kept = this.#tokens.get(key);
    const now = this.#clock.now();
    if (kept && now < kept.refreshAt) return kept;
    try {
      const issued = await this.#source.token(request, signal);
      this.#forgetExpired(now);
      this.#tokens.set(key, { ...issued, refreshAt: refreshTime(issued) });
      return issued;
    } catch (thrown) {
      if (kept && now < kept.expiresAt) return kept;
      throw thrown;
    }
  }

  /** Those of pods that are gone. */
  #forgetExpired(now: Date): void {
    for (const [key, { expiresAt }] of this.#tokens) if (expiresAt <= now) this.#tokens.delete(key);
  }
}

function refreshTime({ issuedAt, expiresAt }: IssuedToken): Date {
  const life = expiresAt.getTime() - issuedAt.getTime();
  const jitter = Math.random() * Math.min(mostJitterMs, life / 100);
  return new Date(issuedAt.getTime() + Math.min(life * refreshAtPart, oldestMs) - jitter);
}
