/** The registry that names without one are of, as credentials for it are stored. */
const defaultRegistry = 'index.docker.io';

/** Whether credentials for a registry without a name of its own are for the repository. */
export function isOfDefaultRegistry(pattern: string, repository: string): boolean {
  return pattern === defaultRegistry && repository.startsWith('docker.io/');
}

/**
 * Whether a repository is one that credentials are for: `*.registry.example:5000/team`. In the host's parts `*` stands for any number of
 * characters but dots, both have equally many parts and the same port, and the path begins with the pattern's (credentialprovider/keyring.go).
 */
export function matchesImage(pattern: string, repository: string): boolean {
  const [wanted, given] = [splitName(pattern), splitName(repository)];
  if (wanted.port !== given.port || wanted.parts.length !== given.parts.length) return false;
  return given.path.startsWith(wanted.path) && wanted.parts.every((part, index) => globOf(part).test(given.parts[index] ?? ''));
}

function splitName(name: string): { parts: string[]; port: string; path: string } {
  const slash = name.indexOf('/');
  const authority = slash < 0 ? name : name.slice(0, slash);
  const [, host = authority, port = ''] = /^(.*?)(?::(\d+))?$/.exec(authority) ?? [];
  return { parts: host.split('.'), port, path: slash < 0 ? '' : name.slice(slash) };
}

function globOf(part: string): RegExp {
  const literal = part.replace(/[.+^${}()|\\[\]]/g, '\\$&');
  return new RegExp(`^${literal.replaceAll('*', '[^.]*').replaceAll('?', '[^.]')}$`);
}
