import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RecordingBinder } from '../testing/profile.ts';
import { readSchedulerConfiguration } from './configuration.ts';
import { type LoadedProfiles, loadProfiles } from './profiles.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'berth-scheduler-configuration-'));
});

afterEach(() => rmSync(directory, { recursive: true }));

const head = 'apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n';

function write(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

function read(body: string) {
  return readSchedulerConfiguration(write('scheduler.yaml', `${head}${body}\n`));
}

async function load(body: string): Promise<LoadedProfiles> {
  const loaded = await loadProfiles(read(body), new RecordingBinder());
  loaded.close();
  return loaded;
}

/** A profile with a plugin of this module. */
const withModule = (module: string, name = 'Mine', more = '') =>
  `profiles: [{plugins: {multiPoint: {enabled: [{name: ${name}}]}}, pluginConfig: [{name: ${name}, args: ` +
  `{apiVersion: berth.dev/v1alpha1, kind: ModulePluginArgs, module: ${module}${more}}}]}]`;

describe('a KubeSchedulerConfiguration', () => {
  it("is kube-scheduler's default without a file", () => {
    const { profiles, percentageOfNodesToScore, backOff } = readSchedulerConfiguration();
    expect(profiles).toEqual([{ schedulerName: 'default-scheduler', plugins: {}, pluginConfig: [] }]);
    expect({ percentageOfNodesToScore, backOff }).toEqual({ percentageOfNodesToScore: 0, backOff: { initialMs: 1000, maxMs: 10_000 } });
  });

  it('has profiles and back-off times', () => {
    const { profiles, backOff } = read(
      'podInitialBackoffSeconds: 2\npodMaxBackoffSeconds: 4\nprofiles: [{schedulerName: a}, {schedulerName: b}]',
    );
    expect(profiles.map(({ schedulerName }) => schedulerName)).toEqual(['a', 'b']);
    expect(backOff).toEqual({ initialMs: 2000, maxMs: 4000 });
  });

  it.each([
    ['an unknown field', 'profile: []', /scheduler\.yaml: .*"profile"/],
    [
      'a weight that is none',
      'profiles: [{plugins: {score: {enabled: [{name: NodeAffinity, weight: 101}]}}}]',
      /profiles\[0\]\.plugins\.score\.enabled\[0\]\.weight/,
    ],
    ['an extension point that is none', 'profiles: [{plugins: {filters: {}}}]', /profiles\[0\]\.plugins.*filters/],
    ['two profiles of one name', 'profiles: [{}, {}]', /profiles\[1\]\.schedulerName: default-scheduler is there twice/],
    ['a back-off that ends before it begins', 'podInitialBackoffSeconds: 20', /podMaxBackoffSeconds: must be greater than or equal/],
    ['broken YAML', 'profiles: [', /scheduler\.yaml.*line/s],
  ])('refuses %s by file and field', (_what, body, message) => {
    expect(() => read(body)).toThrow(message);
  });

  it('names a file that is not there', () => {
    expect(() => readSchedulerConfiguration('/nowhere/scheduler.yaml')).toThrow('/nowhere/scheduler.yaml');
  });
});

describe('its profiles', () => {
  it('have the default plugins, and those of modules with their arguments', async () => {
    write(
      'mine.mjs',
      `export default ({ reason }) => ({ name: 'Mine', filters: true, scores: false, normalization: 'none', prepare: async () => {}, filter: () => reason });`,
    );
    const { profiles } = await load(withModule('./mine.mjs', 'Mine', ', args: {reason: why}'));
    expect(profiles[0]?.filter.map(({ name }) => name)).toEqual([
      'NodeUnschedulable',
      'NodeName',
      'TaintToleration',
      'NodeAffinity',
      'NodeResourcesFit',
      'Mine',
    ]);
  });

  it('have plugins whose process is not there yet', async () => {
    const remote = '{apiVersion: berth.dev/v1alpha1, kind: RemotePluginArgs, endpoint: "unix:///nowhere.sock"}';
    const { profiles } = await load(
      `profiles: [{plugins: {multiPoint: {enabled: [{name: Mine}]}}, pluginConfig: [{name: Mine, args: ${remote}}]}]`,
    );
    expect(profiles[0]?.preFilter.at(-1)?.name).toBe('Mine');
  });

  const remote = '{apiVersion: berth.dev/v1alpha1, kind: RemotePluginArgs, endpoint: /a.sock}';
  it.each([
    [
      'a plugin that is not known',
      'profiles: [{plugins: {filter: {enabled: [{name: Mine}]}}}]',
      /profiles\[0\]\.plugins\.filter\.enabled\[0\]\.name: there is no plugin Mine; use one of SchedulingGates/,
    ],
    [
      'a plugin at a point that it has not',
      'profiles: [{plugins: {score: {enabled: [{name: NodeName}]}}}]',
      /score\.enabled\[0\]\.name: plugin NodeName has no score/,
    ],
    ['no plugin that sorts', 'profiles: [{plugins: {queueSort: {disabled: [{name: "*"}]}}}]', /plugins\.queueSort: there are 0 plugins/],
    ['no plugin that binds', 'profiles: [{plugins: {bind: {disabled: [{name: "*"}]}}}]', /plugins\.bind: there is no plugin/],
    [
      'arguments that a plugin has not',
      'profiles: [{pluginConfig: [{name: NodeResourcesFit, args: {scoring: {}}}]}]',
      /pluginConfig\[0\]\.args: .*"scoring"/,
    ],
    [
      'arguments of a plugin that takes none',
      'profiles: [{pluginConfig: [{name: NodeName, args: {}}]}]',
      /pluginConfig\[0\]\.args: plugin NodeName takes no args/,
    ],
    [
      'arguments that nobody reads',
      'profiles: [{pluginConfig: [{name: Mine, args: {}}]}]',
      /pluginConfig\[0\]\.name: plugin Mine isn't enabled; add it to profiles\[0\]\.plugins\.multiPoint\.enabled/,
    ],
    [
      'an endpoint that is none',
      `profiles: [{plugins: {multiPoint: {enabled: [{name: Mine}]}}, pluginConfig: [{name: Mine, args: ${remote}}]}]`,
      /pluginConfig\[0\]\.args\.endpoint: must be unix/,
    ],
    ['a module that is not there', withModule('./gone.mjs'), /pluginConfig\[0\]\.args: \.\/gone\.mjs: it can't be loaded: .*; give a path/],
    [
      'a module whose imports are not there',
      withModule('./needy.mjs'),
      /needy\.mjs: it can't be loaded: .*nowhere.*; install what it imports/,
    ],
    ['a module that is no JavaScript', withModule('./broken.mjs'), /broken\.mjs: it can't be loaded: .*; mend the module/],
    ['a module that exports no plugin', withModule('./empty.mjs'), /empty\.mjs: its default export is no function/],
    ['a module of another plugin', withModule('./other.mjs'), /other\.mjs: it makes plugin "Other", not Mine/],
    ['a module that refuses its arguments', withModule('./strict.mjs'), /pluginConfig\[0\]\.args: no such argument/],
    [
      'an outside plugin that is not asked ahead',
      `${withModule('./good.mjs').replace('multiPoint', 'score')}`,
      /score\.enabled\[0\]\.name: plugin Mine is asked ahead, at preFilter/,
    ],
  ])('refuse %s by file and field', async (_what, body, message) => {
    write('needy.mjs', "import 'nowhere';");
    write('broken.mjs', 'export default (');
    write('empty.mjs', 'export const plugin = 1;');
    write('good.mjs', "export default () => ({ name: 'Mine' });");
    write('other.mjs', "export default () => ({ name: 'Other' });");
    write('strict.mjs', "export default () => { throw new Error('no such argument'); };");
    await expect(load(body)).rejects.toThrow(message);
    await expect(load(body)).rejects.toThrow(join(directory, 'scheduler.yaml'));
  });
});
