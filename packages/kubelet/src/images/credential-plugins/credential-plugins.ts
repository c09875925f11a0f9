import { unlessAborted } from '@berth/sdk/abort';
import { PluginError } from '@berth/sdk/errors';
import { parseReference, repositoryOf } from '@berth/sdk/image-reference';
import type { Clock } from '../../clock.ts';
import type { KubeletMetrics } from '../../metrics/kubelet-metrics.ts';
import type { PodTraces } from '../../trace/pod-traces.ts';
import { matchesImage } from '../image-pattern.ts';
import { Keyring, passwordLogin, type RegistryLogins } from '../keyring.ts';
import { type CredentialProvider, durationMs } from './configuration.ts';
import { askPlugin, type CredentialResponse } from './exec-plugin.ts';

/** Where plugins are, and which there are. */
export interface CredentialPluginsOptions {
  /** Directory of their programs (kubelet's --image-credential-provider-bin-dir). */
  binDir: string;
  providers: readonly CredentialProvider[];
}

/** What is counted of them. */
export type CredentialPluginMetrics = Pick<KubeletMetrics, 'credentialPluginDuration' | 'credentialPluginErrors'>;

interface CredentialPluginsParts {
  clock: Clock;
  /** Where each pod's requests are told. */
  traces: PodTraces;
  metrics: CredentialPluginMetrics;
}

interface Cached {
  logins: RegistryLogins;
  until: number;
}

/** What a plugin is asked by, in traces. */
export const credentialRequest = 'CredentialProviderRequest';

const keyTypes = ['Image', 'Registry', 'Global'] as const;

/** The logins that credential provider plugins know, each answer kept as long as it says. */
export class CredentialPlugins {
  readonly #options: CredentialPluginsOptions;
  readonly #clock: Clock;
  readonly #traces: PodTraces;
  readonly #metrics: CredentialPluginMetrics;
  /** By plugin and what the answer is for. */
  readonly #cache = new Map<string, Cached>();
  /** Questions under way, so that pods that start together ask once. */
  readonly #asking = new Map<string, Promise<RegistryLogins>>();

  constructor(options: CredentialPluginsOptions, { clock, traces, metrics }: CredentialPluginsParts) {
    this.#options = options;
    this.#clock = clock;
    this.#traces = traces;
    this.#metrics = metrics;
  }

  /** What the plugins for an image know. `failed` is called for each that failed as soon as it has: the image is pulled with what the others know. */
  async keyringFor(image: string, signal: AbortSignal, failed: (error: PluginError) => void): Promise<Keyring> {
    const repository = repositoryOf(parseReference(image));
    const keyring = new Keyring();
    for (const provider of this.#options.providers) {
      if (!provider.matchImages.some((pattern) => matchesImage(pattern, repository))) continue;
      try {
        keyring.add(await this.#provide(provider, image, signal));
      } catch (error) {
        signal.throwIfAborted();
        failed(PluginError.from(error));
      }
    }
    return keyring;
  }

  async #provide(provider: CredentialProvider, image: string, signal: AbortSignal): Promise<RegistryLogins> {
    const cached = this.#cached(provider, image);
    if (cached) return cached;
    const request = { protocol: 'credentials', plugin: provider.name, method: credentialRequest, subject: image } as const;
    return this.#traces.follow(request, () => this.#askOnce(provider, image, signal));
  }

  async #askOnce(provider: CredentialProvider, image: string, signal: AbortSignal): Promise<RegistryLogins> {
    const key = `${provider.name} ${image}`;
    for (let asking = this.#asking.get(key); asking; asking = this.#asking.get(key)) {
      const answered = await unlessAborted(asking.catch(unlessGivenUp), signal);
      if (answered) return answered;
    }
    const asked = this.#ask(provider, image, signal).finally(() => this.#asking.delete(key));
    this.#asking.set(key, asked);
    return asked;
  }

  async #ask(provider: CredentialProvider, image: string, signal: AbortSignal): Promise<RegistryLogins> {
    const answer = await this.#run(provider, image, signal);
    const logins = new Map(
      Object.entries(answer.auth ?? {}).map(([name, { username, password }]) => [name, passwordLogin(username, password)]),
    );
    const cacheMs = answer.cacheDuration ? durationMs(answer.cacheDuration) : provider.defaultCacheMs;
    if (answer.auth && cacheMs > 0) {
      this.#cache.set(cacheKey(provider, answer.cacheKeyType, image), { logins, until: this.#clock.now().getTime() + cacheMs });
    }
    return logins;
  }

  async #run(provider: CredentialProvider, image: string, signal: AbortSignal): Promise<CredentialResponse> {
    const labels = { plugin_name: provider.name };
    const ended = this.#metrics.credentialPluginDuration.startTimer(labels);
    try {
      return await askPlugin(provider, this.#options.binDir, image, signal);
    } catch (error) {
      this.#metrics.credentialPluginErrors.inc(labels);
      throw error;
    } finally {
      ended();
    }
  }

  #cached(provider: CredentialProvider, image: string): RegistryLogins | undefined {
    const now = this.#clock.now().getTime();
    for (const [key, { until }] of this.#cache) if (until <= now) this.#cache.delete(key);
    for (const type of keyTypes) {
      const found = this.#cache.get(cacheKey(provider, type, image));
      if (found) return found.logins;
    }
    return undefined;
  }
}

/** Whoever asked first may have been given up; those who waited for the answer then ask themselves. */
function unlessGivenUp(error: unknown): undefined {
  if (PluginError.from(error).code !== 'CANCELLED') throw error;
}

function cacheKey({ name }: CredentialProvider, type: CredentialResponse['cacheKeyType'], image: string): string {
  const repository = repositoryOf(parseReference(image));
  const subject = { Image: repository, Registry: repository.split('/')[0] ?? '', Global: '' };
  return `${name} ${type} ${subject[type]}`;
}
