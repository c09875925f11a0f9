import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Pod } from '@berth/api/objects';
import type { AuthConfig } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import { parseReference, repositoryOf } from '@berth/sdk/image-reference';
import type { ObjectSource } from '../sources/object-source.ts';
import type { CredentialPlugins } from './credential-plugins/credential-plugins.ts';
import { parseDockerConfigJson } from './docker-config.ts';
import { Keyring } from './keyring.ts';
import { pullSecrets } from './pull-secrets.ts';

/** Logins that there should be, and are not. */
export interface CredentialWarning {
  /** Of an event. */
  reason: string;
  message: string;
  /** `error`: by a fault of the node, which the author of the pod can't know of. */
  level: 'warn' | 'error';
}

/** What a pod and its node know of logins at registries: first the pod's secrets, then the node's own file, then plugins. */
export class ImageCredentialSources {
  readonly #objects: ObjectSource;
  readonly #nodeFile: string;
  readonly #plugins: CredentialPlugins | undefined;

  constructor(objects: ObjectSource, kubeletRoot: string, plugins: CredentialPlugins | undefined) {
    this.#objects = objects;
    this.#nodeFile = join(kubeletRoot, 'config.json');
    this.#plugins = plugins;
  }

  /**
   * The logins to pull an image with, in the order to try them; empty: anonymously. `warn` is called as soon as something is wrong with some of
   * them. INVALID_ARGUMENT for a secret or a file that holds something else.
   */
  async of(pod: Pod, image: string, signal: AbortSignal, warn: (warning: CredentialWarning) => void): Promise<AuthConfig[]> {
    const repository = repositoryOf(parseReference(image));
    const { logins, missing } = await pullSecrets(pod, this.#objects, signal);
    if (missing.length > 0) warn(missingSecrets(missing));
    const ofPod = new Keyring();
    for (const each of logins) ofPod.add(each);
    const ofNode = await this.#nodeKeyring();
    const ofPlugins = await this.#plugins?.keyringFor(image, signal, (error) => warn(pluginFailed(error)));
    return [ofPod, ofNode, ofPlugins].flatMap((keyring) => keyring?.lookUp(repository) ?? []);
  }

  async #nodeKeyring(): Promise<Keyring> {
    const keyring = new Keyring();
    const text = await readFile(this.#nodeFile, 'utf8').catch((error: unknown) => {
      if (PluginError.from(error).code === 'NOT_FOUND') return undefined;
      throw PluginError.from(error, 'FAILED_PRECONDITION', { object: this.#nodeFile });
    });
    if (text !== undefined) keyring.add(parseDockerConfigJson(text, this.#nodeFile));
    return keyring;
  }
}

function missingSecrets(names: string[]): CredentialWarning {
  const message = `Unable to retrieve some image pull secrets (${names.join(', ')}); attempting to pull the image may not succeed.`;
  return { reason: 'FailedToRetrieveImagePullSecret', message, level: 'warn' };
}

function pluginFailed({ message }: PluginError): CredentialWarning {
  return { reason: 'FailedToGetImageCredentials', message, level: 'error' };
}
