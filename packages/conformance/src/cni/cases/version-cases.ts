import { expectDistinct, expectEqual, expectSame, expectTrue } from '../../expect.ts';
import type { Case } from '../../suite.ts';
import { type CallChange, type PluginCaller, succeeded } from '../plugin-caller.ts';
import { parseObject } from '../results.ts';
import type { CniTarget } from '../target.ts';

interface VersionAnswer {
  cniVersion?: unknown;
  supportedVersions?: unknown;
}

/** What the plugin answers to VERSION. */
async function answered(plugin: PluginCaller, change: CallChange): Promise<VersionAnswer> {
  const { stdout } = succeeded('VERSION', await plugin.call('VERSION', change));
  return parseObject(stdout, 'answer to VERSION');
}

const askedIn = (cniVersion: string): CallChange => ({ stdin: JSON.stringify({ cniVersion }) });

export const versionCases: Case<CniTarget>[] = [
  {
    id: 'version.answer',
    group: 'version',
    clause: 'VERSION prints cniVersion and supportedVersions as JSON on standard output (SPEC.md, VERSION Success)',
    proves: ['VERSION', 'Version.cniVersion', 'Version.supportedVersions'],
    async run(target) {
      await target.withPlugin(async (plugin) => {
        const { cniVersion, supportedVersions } = await answered(plugin, askedIn(target.newest));
        expectTrue(typeof cniVersion === 'string' && cniVersion !== '', `cniVersion is ${JSON.stringify(cniVersion)}`);
        expectTrue(Array.isArray(supportedVersions), `supportedVersions is ${JSON.stringify(supportedVersions)}`);
        const odd = (supportedVersions as unknown[]).filter((one) => typeof one !== 'string' || !/^\d+\.\d+\.\d+/.test(one));
        expectSame(odd, [], 'supportedVersions that are no versions');
        expectDistinct(supportedVersions as string[], 'supportedVersions told again');
      });
    },
  },
  {
    id: 'version.echo',
    group: 'version',
    clause: 'the cniVersion of the answer to VERSION is the one of its input (SPEC.md, VERSION Success)',
    proves: ['VERSION', 'Version.cniVersion', 'Configuration.cniVersion'],
    async run(target) {
      await target.withPlugin(async (plugin) => {
        for (const version of target.versions) {
          const { cniVersion } = await answered(plugin, askedIn(version));
          expectEqual(cniVersion, version, `cniVersion of the answer to VERSION in ${version}`);
        }
      });
    },
  },
  {
    id: 'version.no-input',
    group: 'version',
    clause: 'VERSION has no parameters: it answers without standard input too (SPEC.md of 0.4.0, VERSION)',
    proves: ['VERSION'],
    async run(target) {
      await target.withPlugin(async (plugin) => {
        const { supportedVersions } = await answered(plugin, { stdin: '' });
        expectTrue(Array.isArray(supportedVersions), `supportedVersions is ${JSON.stringify(supportedVersions)}`);
      });
    },
  },
  {
    id: 'version.unknown',
    group: 'version',
    clause: 'VERSION answers a runtime of a version that the plugin does not support: it is how that finds out (SPEC.md, VERSION)',
    proves: ['VERSION', 'Version.supportedVersions'],
    async run(target) {
      await target.withPlugin(async (plugin) => {
        const { supportedVersions } = await answered(plugin, askedIn('99.0.0'));
        expectTrue(!(supportedVersions as unknown[]).includes('99.0.0'), 'supportedVersions names 99.0.0, which there is not');
      });
    },
  },
  {
    id: 'version.only-command',
    group: 'version',
    clause: 'VERSION needs no variable but CNI_COMMAND (SPEC.md, VERSION: "Required environment parameters: CNI_COMMAND")',
    proves: ['VERSION', 'Environment.CNI_COMMAND'],
    async run(target) {
      await target.withPlugin(async (plugin) => {
        await answered(plugin, { ...askedIn(target.newest), env: { CNI_PATH: undefined } });
      });
    },
  },
  {
    id: 'version.whole-configuration',
    group: 'version',
    clause:
      'VERSION reads cniVersion alone: a whole configuration, and one with keys that it does not know, are no error (SPEC.md, VERSION)',
    proves: ['VERSION'],
    async run(target) {
      await target.withPlugin(async (plugin) => {
        await answered(plugin, { config: { 'example.com/unknown': { list: [1, 'two'] } } });
      });
    },
  },
];
