import { AuthConfig } from '@berth/sdk/cri';
import { isOfDefaultRegistry, matchesImage } from './image-pattern.ts';

/** How to log in at registries, by what of them it is for: a host with or without a port, and the beginning of a path. */
export type RegistryLogins = ReadonlyMap<string, AuthConfig>;

/** What is known of registries' logins, each tried in turn. */
export class Keyring {
  readonly #logins: { pattern: string; auth: AuthConfig }[] = [];

  /** As Docker's and podman's files name registries: with a scheme or not, with the version of the API behind them or not. */
  add(logins: RegistryLogins): void {
    for (const [name, auth] of logins) this.#logins.push({ pattern: plainName(name), auth });
    // Of names that match, a longer one sorts behind what it begins with: the most particular login comes first.
    this.#logins.sort((a, b) => (a.pattern < b.pattern ? 1 : a.pattern > b.pattern ? -1 : 0));
  }

  /** The logins for a repository, the best one first; those of the default registry only where there is no other. */
  lookUp(repository: string): AuthConfig[] {
    const matching = this.#logins.filter(({ pattern }) => matchesImage(pattern, repository));
    const found = matching.length > 0 ? matching : this.#logins.filter(({ pattern }) => isOfDefaultRegistry(pattern, repository));
    return found.map(({ auth }) => auth);
  }
}

function plainName(name: string): string {
  return name.replace(/^https?:\/\//, '').replace(/\/(v[12]\/?)?$/, '');
}

/** A login by user name and password. */
export function passwordLogin(username: string, password: string): AuthConfig {
  return AuthConfig.create({ username, password });
}
