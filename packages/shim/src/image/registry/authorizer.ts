import { type Challenge, tokenUrl } from './challenge.ts';
import type { Credentials } from './credentials.ts';

/** Asks a token server; undefined where its address may not be used. */
export type AskToken = (challenge: Challenge, realm: URL, signal: AbortSignal) => Promise<string | undefined>;

/** What is shown to one host, and how more is got where that isn't enough (distribution-spec, token authentication). */
export class Authorizer {
  readonly #credentials: Credentials;
  readonly #askToken: AskToken;
  #header: string | undefined;
  #renewal: Promise<boolean> | undefined;

  constructor(credentials: Credentials, askToken: AskToken) {
    this.#credentials = credentials;
    this.#askToken = askToken;
    if (credentials.registryToken) this.#header = `Bearer ${credentials.registryToken}`;
  }

  /** The value of the Authorization header. */
  get header(): string | undefined {
    return this.#header;
  }

  /**
   * Takes up what the challenges ask for; false if there is nothing more to be tried. `used` is the header that was not enough:
   * where another request has got a new one meanwhile, that one will do. `scope` is asked for if a challenge names none.
   */
  async renew(challenges: Challenge[], used: string | undefined, scope: string, signal: AbortSignal): Promise<boolean> {
    if (this.#renewal) return this.#renewal;
    if (used !== this.#header) return true;
    this.#renewal = this.#renewed(challenges, scope, signal).finally(() => {
      this.#renewal = undefined;
    });
    return this.#renewal;
  }

  /** A token comes first: it doesn't show the password to the registry. */
  async #renewed(challenges: Challenge[], scope: string, signal: AbortSignal): Promise<boolean> {
    for (const challenge of challenges.filter(({ scheme }) => scheme === 'bearer')) {
      const realm = tokenUrl(challenge, scope);
      const token = realm && (await this.#askToken(challenge, realm, signal));
      if (!token) continue;
      this.#header = `Bearer ${token}`;
      return true;
    }
    const { basic } = this.#credentials;
    if (!basic || this.#header === basic || !challenges.some(({ scheme }) => scheme === 'basic')) return false;
    this.#header = basic;
    return true;
  }
}
