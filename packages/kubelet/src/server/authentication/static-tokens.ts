import { timingSafeEqual } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { PluginError } from '@berth/sdk/errors';
import type { TokenReview, TokenReviewer, User } from './authenticator.ts';

/**
 * Tokens of a file, for nodes without an API server, in the form of kube-apiserver's `--token-auth-file`: a line
 * `token,user,uid[,"group1,group2"]` each. A file that changes counts from the next request on.
 */
export class StaticTokens implements TokenReviewer {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  async review(token: string): Promise<TokenReview> {
    const text = await readFile(this.#path, 'utf8').catch((thrown: unknown) => {
      throw PluginError.from(thrown, 'UNAVAILABLE', { object: `token file ${this.#path}` });
    });
    const user = parseTokens(text).find(([known]) => same(known, token))?.[1];
    return user ? { authenticated: true, user } : { authenticated: false };
  }
}

/** Lines that are no token with a user are left out. */
function parseTokens(text: string): [string, User][] {
  return text.split('\n').flatMap((line): [string, User][] => {
    const [, token, name, uid, quoted, plain] = /^([^,"\s]+),([^,"]+),([^,"]*)(?:,(?:"([^"]*)"|([^,"]*)))?\s*$/.exec(line) ?? [];
    if (!token || !name) return [];
    const groups = (quoted ?? plain ?? '').split(',').filter(Boolean);
    return [[token, { name, ...(uid && { uid }), groups }]];
  });
}

/** In the same time wherever they differ. */
function same(known: string, given: string): boolean {
  const [a, b] = [Buffer.from(known), Buffer.from(given)];
  return a.length === b.length && timingSafeEqual(a, b);
}
