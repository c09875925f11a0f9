import { PluginError } from '@berth/sdk/errors';
import type { Binder } from './binder.ts';
import { checked, fieldPath, type PluginSet, type ProfileConfiguration, type SchedulerConfiguration } from './configuration.ts';
import { EvaluatedPlugin } from './external/evaluated-plugin.ts';
import { externalPluginArgs, loadExternalPlugin } from './external/load.ts';
import { type AnyPlugin, type ExtensionPoint, extensionPoints, type QueueSortPlugin, type ScorePlugin } from './framework.ts';
import { defaultPlugins, type EnabledPlugins, enabledPlugins } from './plugin-sets.ts';
import { builtInPlugins } from './plugins/built-in.ts';
import type { Profile } from './profile.ts';

/** Makes one profile of its configuration. */
export class ProfileLoader {
  readonly #file: string;
  readonly #configuration: ProfileConfiguration;
  readonly #percentageOfNodesToScore: number;
  readonly #path: PropertyKey[];
  readonly #binder: Binder;
  readonly #onClose: (close: () => void) => void;
  readonly #plugins = new Map<string, AnyPlugin>();

  /** `onClose` gets what ends a plugin, as soon as there is something to end. */
  constructor(configuration: SchedulerConfiguration, index: number, binder: Binder, onClose: (close: () => void) => void) {
    const profile = configuration.profiles[index];
    if (!profile) throw new PluginError('NOT_FOUND', `there is no profile ${index}`);
    this.#file = configuration.file ?? 'the built-in configuration';
    this.#configuration = profile;
    this.#percentageOfNodesToScore = profile.percentageOfNodesToScore ?? configuration.percentageOfNodesToScore;
    this.#path = ['profiles', index];
    this.#binder = binder;
    this.#onClose = onClose;
  }

  async load(): Promise<Profile> {
    for (const { name } of defaultPlugins) await this.#make(name, []);
    for (const [set, { enabled = [] }] of this.#sets()) {
      for (const [place, { name }] of enabled.entries()) await this.#make(name, ['plugins', set, 'enabled', place, 'name']);
    }
    this.#checkPluginConfig();
    const enabled = enabledPlugins(this.#configuration.plugins, (name, point) => hasPoint(this.#plugins.get(name), point));
    this.#checkPoints(enabled);
    return this.#profile(enabled);
  }

  /** `at` is the field that names the plugin. */
  async #make(name: string, at: PropertyKey[]): Promise<void> {
    if (this.#plugins.has(name)) return;
    const place = this.#configuration.pluginConfig.findIndex((entry) => entry.name === name);
    const args = this.#configuration.pluginConfig[place]?.args;
    const argsPath = ['pluginConfig', place, 'args'];
    if (Object.hasOwn(builtInPlugins, name)) this.#plugins.set(name, this.#builtIn(name, args, argsPath));
    else if (args) this.#plugins.set(name, await this.#external(name, args, argsPath));
    else {
      const known = Object.keys(builtInPlugins).join(', ');
      throw this.#invalid(at, `there is no plugin ${name}`, `use one of ${known}, or say in pluginConfig where its module or endpoint is`);
    }
  }

  #builtIn(name: string, args: object | undefined, path: PropertyKey[]): AnyPlugin {
    const builtIn = builtInPlugins[name];
    if (!builtIn || (args && !builtIn.args)) throw this.#invalid(path, `plugin ${name} takes no args`, 'remove them');
    return builtIn.create(builtIn.args && checked(builtIn.args, args ?? {}, this.#file, [...this.#path, ...path]), this.#binder);
  }

  async #external(name: string, args: object, path: PropertyKey[]): Promise<AnyPlugin> {
    const external = checked(externalPluginArgs, args, this.#file, [...this.#path, ...path]);
    try {
      const { plugin, close } = await loadExternalPlugin(name, external, this.#file);
      this.#onClose(close);
      return plugin;
    } catch (thrown) {
      const { code, message } = PluginError.from(thrown);
      throw new PluginError(code, `${fieldPath([...this.#path, ...path])}: ${message}`, { object: this.#file, cause: thrown });
    }
  }

  /** An entry that nobody would read is a mistake. */
  #checkPluginConfig(): void {
    for (const [place, { name }] of this.#configuration.pluginConfig.entries()) {
      const at = ['pluginConfig', place, 'name'];
      const first = this.#configuration.pluginConfig.findIndex((entry) => entry.name === name);
      if (first !== place) throw this.#invalid(at, `plugin ${name} is there twice`, 'merge the entries');
      if (this.#plugins.has(name)) continue;
      throw this.#invalid(
        at,
        `plugin ${name} isn't enabled`,
        `add it to ${fieldPath([...this.#path, 'plugins', 'multiPoint', 'enabled'])}`,
      );
    }
  }

  #checkPoints(plugins: EnabledPlugins): void {
    for (const [set, { enabled = [] }] of this.#sets()) {
      for (const [place, { name }] of enabled.entries()) this.#checkPoint(set, name, ['plugins', set, 'enabled', place, 'name'], plugins);
    }
    if (plugins.queueSort.length !== 1) {
      throw this.#invalid(
        ['plugins', 'queueSort'],
        `there are ${plugins.queueSort.length} plugins`,
        'enable exactly one, such as PrioritySort',
      );
    }
    if (plugins.bind.length === 0) throw this.#invalid(['plugins', 'bind'], 'there is no plugin', 'enable one, such as DefaultBinder');
  }

  #checkPoint(set: string, name: string, at: PropertyKey[], plugins: EnabledPlugins): void {
    if (set === 'multiPoint') return;
    const plugin = this.#plugins.get(name);
    if (!hasPoint(plugin, set as ExtensionPoint)) throw this.#invalid(at, `plugin ${name} has no ${set}`, 'remove it there');
    if (!(plugin instanceof EvaluatedPlugin) || plugins.preFilter.some((each) => each.name === name)) return;
    throw this.#invalid(at, `plugin ${name} is asked ahead, at preFilter, where it isn't enabled`, 'enable it at multiPoint');
  }

  #profile(enabled: EnabledPlugins): Profile {
    const names = new Set(Object.values(enabled).flatMap((plugins) => plugins.map(({ name }) => name)));
    const at = (point: ExtensionPoint) => enabled[point].map(({ name }) => this.#plugins.get(name));
    return {
      schedulerName: this.#configuration.schedulerName,
      percentageOfNodesToScore: this.#percentageOfNodesToScore,
      plugins: new Map([...this.#plugins].filter(([name]) => names.has(name))),
      queueSort: at('queueSort')[0] as QueueSortPlugin,
      // enabledPlugins and #checkPoints have left at each point only plugins that have it.
      ...(Object.fromEntries(extensionPoints.map((point) => [point, at(point)])) as unknown as PluginsByPoint),
      score: enabled.score.map(({ name, weight }) => ({ plugin: this.#plugins.get(name) as ScorePlugin, weight })),
    };
  }

  *#sets(): Iterable<[string, PluginSet]> {
    for (const [set, plugins] of Object.entries(this.#configuration.plugins)) if (plugins) yield [set, plugins];
  }

  /** `path` is that of a field within the profile. */
  #invalid(path: PropertyKey[], what: string, hint: string): PluginError {
    return new PluginError('INVALID_ARGUMENT', `${fieldPath([...this.#path, ...path])}: ${what}`, { object: this.#file, hint });
  }
}

type PluginsByPoint = Omit<Profile, 'schedulerName' | 'percentageOfNodesToScore' | 'plugins' | 'queueSort' | 'score'>;

function hasPoint(plugin: AnyPlugin | undefined, point: ExtensionPoint): boolean {
  return typeof plugin?.[point === 'queueSort' ? 'compare' : point] === 'function';
}
