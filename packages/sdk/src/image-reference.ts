import { PluginError } from './errors.ts';
import { quoted } from './quoted.ts';

/** An image reference in full, by the grammar of the distribution project (distribution/reference, regexp.go). */
export interface Reference {
  /** `docker.io`, `localhost`, `registry.example:5000`, `[::1]:5000`. */
  domain: string;
  /** `library/busybox`: the path below the domain. */
  path: string;
  /** Undefined only where a digest is given. */
  tag: string | undefined;
  digest: string | undefined;
}

/** The hosts that Docker Hub goes by; `docker login` keeps its credentials under any of them. */
export const dockerHub = new Set(['docker.io', 'index.docker.io', 'registry-1.docker.io']);

const domainComponent = '(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])';
const domainPattern = new RegExp(String.raw`^(?:${domainComponent}(?:\.${domainComponent})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?$`);
const pathComponent = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*';
const pathPattern = new RegExp(`^${pathComponent}(?:/${pathComponent})*$`);
const tagPattern = /^\w[\w.-]{0,127}$/;
const digestPattern = /^[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}$/;
const hexIdPattern = /^[0-9a-f]{64}$/;
const longestRepository = 255;

/**
 * A reference as users write it, with Docker's defaults filled in: `busybox` is `docker.io/library/busybox:latest`.
 * Throws INVALID_ARGUMENT that says which part is wrong.
 */
export function parseReference(text: string): Reference {
  const refuse = refuser(text);
  if (text === '') throw refuse('it is empty', 'name an image, such as busybox:1');
  if (hexIdPattern.test(text)) throw refuse('64 hexadecimal digits are an image id, not a name', `write sha256:${text} to mean the id`);

  const at = text.indexOf('@');
  const named = at < 0 ? text : text.slice(0, at);
  const digest = at < 0 ? undefined : text.slice(at + 1);
  if (digest !== undefined && !isDigest(digest))
    throw refuse(`the digest ${quoted(digest)} is malformed`, 'write @sha256: and 64 hexadecimal digits');

  const colon = named.indexOf(':', named.lastIndexOf('/') + 1);
  const tag = colon < 0 ? undefined : named.slice(colon + 1);
  if (tag !== undefined && !tagPattern.test(tag)) {
    throw refuse(`the tag ${quoted(tag)} is malformed`, 'use up to 128 letters, digits, "_", "." and "-", not starting with "." or "-"');
  }

  const { domain, path } = splitDomain(colon < 0 ? named : named.slice(0, colon));
  if (!domainPattern.test(domain)) throw refuse(`the registry ${quoted(domain)} is malformed`, 'write host or host:port, without a scheme');
  if (!pathPattern.test(path)) {
    throw refuse(
      path === path.toLowerCase() ? `the repository ${quoted(path)} is malformed` : `the repository ${quoted(path)} has capital letters`,
      'use lower-case letters and digits, separated by ".", "_", "-" or "/"',
    );
  }
  if (domain.length + 1 + path.length > longestRepository)
    throw refuse(`the repository is longer than ${longestRepository} characters`, 'shorten it');
  return { domain, path, tag: tag ?? (digest ? undefined : 'latest'), digest };
}

/** The first part is a registry if it looks like a host: a dot, a port, `localhost`, or letters that a path can't have. */
function splitDomain(name: string): { domain: string; path: string } {
  const slash = name.indexOf('/');
  const first = name.slice(0, Math.max(slash, 0));
  const isDomain = first !== '' && (/[.:]/.test(first) || first === 'localhost' || first !== first.toLowerCase());
  const domain = isDomain ? first : 'docker.io';
  const path = isDomain ? name.slice(slash + 1) : name;
  if (domain !== 'docker.io' && domain !== 'index.docker.io') return { domain, path };
  return { domain: 'docker.io', path: path.includes('/') ? path : `library/${path}` };
}

/** `docker.io/library/busybox`. */
export function repositoryOf({ domain, path }: Reference): string {
  return `${domain}/${path}`;
}

/** The name under which a store knows the image; a digest is what counts where both a tag and a digest are given. */
export function nameOf(reference: Reference): string {
  const repository = repositoryOf(reference);
  return reference.digest ? `${repository}@${reference.digest}` : `${repository}:${reference.tag}`;
}

/** Of any algorithm that the grammar allows; SHA-256 digests have exactly 64 lower-case digits. */
export function isDigest(text: string): boolean {
  return digestPattern.test(text) && (!text.startsWith('sha256:') || hexIdPattern.test(text.slice('sha256:'.length)));
}

function refuser(text: string) {
  return (what: string, hint: string) =>
    new PluginError('INVALID_ARGUMENT', `not an image reference: ${what}`, { object: `image ${quoted(text)}`, hint });
}
