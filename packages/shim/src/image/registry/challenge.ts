/** One way to authenticate, as a registry offers it with status 401: `Bearer realm="https://auth.example/token",service="registry.example"`. */
export interface Challenge {
  /** Lower case: `basic` or `bearer`. */
  scheme: string;
  parameters: Record<string, string>;
}

/** Reads a WWW-Authenticate header (RFC 9110, 11.6.1), which may hold several challenges. */
export function parseChallenges(header: string): Challenge[] {
  const challenges: Challenge[] = [];
  // A scheme is a word on its own, a parameter one with "=" behind it.
  for (const [, word = '', equals, quoted, token] of header.matchAll(
    /([\w!#$%&'*+.^`|~-]+)(?:(\s*=\s*)(?:"((?:[^"\\]|\\.)*)"|([^\s,]*)))?/g,
  )) {
    if (equals === undefined) challenges.push({ scheme: word.toLowerCase(), parameters: {} });
    const current = challenges.at(-1);
    if (equals !== undefined && current) current.parameters[word.toLowerCase()] = quoted?.replaceAll(/\\(.)/g, '$1') ?? token ?? '';
  }
  return challenges;
}

/**
 * The token server's address for a bearer challenge (distribution-spec, token authentication), with each scope as a parameter of its
 * own; undefined if its realm is no URL. `scope` is for a challenge that names none.
 */
export function tokenUrl({ parameters }: Challenge, scope: string): URL | undefined {
  const url = URL.parse(parameters.realm ?? '');
  if (!url) return undefined;
  if (parameters.service) url.searchParams.set('service', parameters.service);
  for (const wanted of (parameters.scope || scope).split(' ')) url.searchParams.append('scope', wanted);
  return url;
}
