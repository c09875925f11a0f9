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

/** The logins to pull an image with, and what has to be told of it as warning events. */
interface ImageCredentials {
  /** In the order to try them; empty: anonymously. */
  logins: AuthConfig[];
  warnings: { reason: string; message: string }[];
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

  /** INVALID_ARGUMENT for a secret or a file that holds something else. */
  async of(pod: Pod, image: string, signal: AbortSignal): Promise<ImageCredentials> {
    const repository = repositoryOf(parseReference(image));
    const { logins, missing } = await pullSecrets(pod, this.#objects, signal);
    const ofPod = new Keyring();
    for (const each of logins) ofPod.add(each);
    const ofNode = await this.#nodeKeyring();
    const { keyring: ofPlugins, errors } = (await this.#plugins?.keyringFor(image, signal)) ?? { keyring: new Keyring(), errors: [] };
    return {
      logins: [ofPod, ofNode, ofPlugins].flatMap((keyring) => keyring.lookUp(repository)),
      warnings: [...(missing.length > 0 ? [missingSecrets(missing)] : []), ...errors.map(pluginFailed)],
    };
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

function missingSecrets(names: string[]): ImageCredentials['warnings'][number] {
  const message = `Unable to retrieve some image pull secrets (${names.join(', ')}); attempting to pull the image may not succeed.`;
  return { reason: 'FailedToRetrieveImagePullSecret', message };
}

function pluginFailed({ message }: PluginError): ImageCredentials['warnings'][number] {
  return { reason: 'FailedToGetImageCredentials', message };
}
