import { AuthConfig } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import { parseReference, type Reference } from '@berth/sdk/image-reference';
import { credentialHelper } from './credential-helper.ts';
import { defaultAuthFile, entryFor, helperFor, readDockerConfig } from './docker-config.ts';
import { readPassword } from './password.ts';

/** What a person may say of who they are at a registry, by the flags of crictl, podman and skopeo. */
export interface CredentialOptions {
  /** `USER[:PASSWORD]`; without a password it is read from standard input. */
  creds?: string;
  /** A Docker config.json. */
  authfile?: string;
}

/**
 * Credentials for the registry of an image name: `--creds`, else the file of `--authfile`, else the user's own, as Docker and podman find it.
 * Undefined: none are known, the pull is anonymous.
 */
export async function registryCredentials(name: string, { creds, authfile }: CredentialOptions): Promise<AuthConfig | undefined> {
  const reference = parseReference(name);
  if (creds !== undefined) return fromOption(creds, reference);
  const path = authfile ?? defaultAuthFile();
  const config = path === undefined ? undefined : readDockerConfig(path);
  if (!config) return undefined;
  const helper = helperFor(config, reference.domain);
  const entry = (helper === undefined ? undefined : await credentialHelper(helper, reference.domain)) ?? entryFor(config, reference);
  return entry && AuthConfig.fromPartial(entry);
}

async function fromOption(creds: string, { domain }: Reference): Promise<AuthConfig> {
  const colon = creds.indexOf(':');
  const username = colon < 0 ? creds : creds.slice(0, colon);
  if (username === '') {
    throw new PluginError('INVALID_ARGUMENT', 'the user is missing', { object: '--creds', hint: 'write USER, or USER:PASSWORD' });
  }
  const password = colon < 0 ? await readPassword(`Password of ${username} at ${domain}: `) : creds.slice(colon + 1);
  return AuthConfig.fromPartial({ username, password });
}
