import { expectEqual, expectTrue } from '../../expect.ts';
import type { Case } from '../../suite.ts';
import { since } from '../needs.ts';
import type { CniTarget } from '../target.ts';

const [incompatibleVersion, decodingFailure, invalidConfig] = [1, 6, 7];

interface BadInput {
  id: string;
  stdin: string;
  what: string;
}

const undecodable: BadInput[] = [
  { id: 'empty', stdin: '', what: 'nothing on standard input' },
  { id: 'half', stdin: '{"cniVersion":"1.0.0","name":"conformance","type":', what: 'half a JSON object' },
  { id: 'list', stdin: '[]', what: 'a JSON list' },
  { id: 'string', stdin: '"bridge"', what: 'a JSON string' },
  { id: 'no-json', stdin: 'cniVersion: 1.0.0\nname: conformance\n', what: 'YAML' },
];

interface BadKey {
  id: string;
  config: Record<string, unknown>;
  what: string;
  codes: number[];
  proves: string;
}

const badKeys: BadKey[] = [
  { id: 'no-name', config: { name: undefined }, what: 'no network name', codes: [invalidConfig], proves: 'Configuration.name' },
  { id: 'name-path', config: { name: '../net' }, what: 'a network name with a path', codes: [invalidConfig], proves: 'Configuration.name' },
  {
    id: 'name-space',
    config: { name: 'a net' },
    what: 'a network name with a space',
    codes: [invalidConfig],
    proves: 'Configuration.name',
  },
  {
    id: 'name-type',
    config: { name: 5 },
    what: 'a network name that is a number',
    codes: [decodingFailure, invalidConfig],
    proves: 'Configuration.name',
  },
  {
    id: 'version-type',
    config: { cniVersion: 1 },
    what: 'a cniVersion that is a number',
    codes: [incompatibleVersion, decodingFailure, invalidConfig],
    proves: 'Configuration.cniVersion',
  },
  {
    id: 'version-word',
    config: { cniVersion: 'newest' },
    what: 'a cniVersion that is no version',
    codes: [incompatibleVersion, decodingFailure, invalidConfig],
    proves: 'Configuration.cniVersion',
  },
];

export const inputCases: Case<CniTarget>[] = [
  ...undecodable.map(
    ({ id, stdin, what }): Case<CniTarget> => ({
      id: `input.${id}`,
      group: 'input',
      clause: `${what} can not be decoded (SPEC.md, Error, code 6)`,
      proves: ['ADD', 'ErrorCode.6'],
      async run(target) {
        await target.withSharedHost(async (attachment) => void (await attachment.refused('ADD', { stdin }, what, decodingFailure)));
      },
    }),
  ),
  ...badKeys.map(
    ({ id, config, what, codes, proves }): Case<CniTarget> => ({
      id: `input.${id}`,
      group: 'input',
      clause: `${what} is an invalid configuration (SPEC.md, Plugin configuration objects and Error)`,
      proves: ['ADD', proves, 'ErrorCode.7'],
      async run(target) {
        await target.withSharedHost(async (attachment) => void (await attachment.refused('ADD', { config }, what, ...codes)));
      },
    }),
  ),
  ...(['ADD', 'DEL', 'CHECK'] as const).map(
    (verb): Case<CniTarget> => ({
      id: `input.unsupported-version-${verb.toLowerCase()}`,
      group: 'input',
      clause: `${verb} of a version that the plugin does not support is refused (SPEC.md, Error, code 1)`,
      proves: [verb, 'Configuration.cniVersion', 'ErrorCode.1'],
      ...(verb === 'CHECK' && { needs: [since('0.4.0')] }),
      async run(target) {
        await target.withSharedHost(async (attachment) => {
          if (verb === 'CHECK') await attachment.add();
          await attachment.refused(verb, { config: { cniVersion: '99.0.0' } }, 'cniVersion 99.0.0', incompatibleVersion);
        });
      },
    }),
  ),
  {
    id: 'input.unknown-key',
    group: 'input',
    clause:
      'a plugin passes over a key that it does not know, or refuses it by code 2 and its name (SPEC.md, Plugin configuration objects)',
    proves: ['ADD'],
    async run(target) {
      await target.withSharedHost(async (attachment) => {
        const config = { 'example.com/unknown': { list: [1, 'two', null] } };
        const error = await attachment.refusal('ADD', { config }, 'a key that it does not know');
        if (!error) return;
        expectEqual(error.code, 2, 'code of the error about a key that it does not know');
        expectTrue(error.msg.includes('example.com/unknown'), `the message of the error doesn't name the key: ${error.msg}`);
      });
    },
  },
  {
    id: 'input.unknown-args',
    group: 'input',
    clause: 'plugins that do not understand data in args ignore it (CONVENTIONS.md, "args" in network config)',
    proves: ['ADD', 'Configuration.args'],
    async run(target) {
      await target.withSharedHost(async (attachment) => {
        const args = { cni: { labels: [{ key: 'app', value: 'web' }] }, 'example.com/other': true };
        await attachment.add({ config: { args } });
        await attachment.del({ config: { args } });
      });
    },
  },
  {
    id: 'input.large',
    group: 'input',
    clause: 'standard input of 10 MB is read to its end, or refused by an error object (SPEC.md, Execution Protocol)',
    proves: ['ADD'],
    async run(target) {
      await target.withSharedHost(async (attachment) => {
        await attachment.refusal('ADD', { config: { args: { large: 'x'.repeat(10_000_000) } } }, '10 MB on standard input');
      });
    },
  },
  {
    id: 'input.layout',
    group: 'input',
    clause: 'standard input is JSON in whichever layout: lines, blanks, and keys in any order (SPEC.md, Execution Protocol)',
    proves: ['ADD'],
    async run(target) {
      await target.withSharedHost(async (attachment) => {
        const entries = Object.entries(attachment.configuration('ADD')).toReversed();
        await attachment.add({ stdin: `\n\t${JSON.stringify(Object.fromEntries(entries), undefined, 4)}\n\n` });
      });
    },
  },
];
