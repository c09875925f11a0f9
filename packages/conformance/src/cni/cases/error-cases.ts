import { expectEqual, expectTrue } from '../../expect.ts';
import type { Case } from '../../suite.ts';
import type { CniTarget } from '../target.ts';

export const errorCases: Case<CniTarget>[] = [
  {
    id: 'error.object',
    group: 'error',
    clause: 'a failure is told by a non-zero exit status and an object with code and msg on standard output (SPEC.md, Error)',
    proves: ['Error.code', 'Error.msg', 'Error.details', 'Execution.stdout'],
    async run(target) {
      await target.withSharedHost(async (attachment) => {
        for (const verb of ['ADD', 'DEL']) await attachment.refused(verb, { stdin: '{' }, 'half a JSON object');
      });
    },
  },
  {
    id: 'error.version',
    group: 'error',
    clause: 'the cniVersion of an error is the one of the configuration (SPEC.md, Error: "cniVersion")',
    proves: ['Error.cniVersion'],
    async run(target) {
      await target.withSharedHost(async (attachment) => {
        for (const cniVersion of target.versions) {
          const error = await attachment.refused('ADD', { env: { CNI_IFNAME: 'a/b' }, config: { cniVersion } }, 'CNI_IFNAME=a/b');
          expectEqual(error.cniVersion, cniVersion, `cniVersion of an error in ${cniVersion}`);
        }
      });
    },
  },
  {
    id: 'error.message',
    group: 'error',
    clause: 'msg is a short text for people, on one line (SPEC.md, Error: "A short message characterizing the error")',
    proves: ['Error.msg'],
    async run(target) {
      await target.withSharedHost(async (attachment) => {
        const { msg } = await attachment.refused('ADD', { config: { cniVersion: '99.0.0' } }, 'cniVersion 99.0.0');
        expectTrue(msg.trim().length >= 10 && msg.length <= 500, `msg has ${msg.length} characters: ${msg.slice(0, 100)}`);
        expectTrue(!msg.trim().includes('\n'), `msg has several lines: ${JSON.stringify(msg.slice(0, 300))}`);
      });
    },
  },
  {
    id: 'error.after-error',
    group: 'error',
    clause: 'a refused ADD leaves a container that can be added (SPEC.md, ADD)',
    proves: ['ADD'],
    async run(target) {
      await target.withSharedHost(async (attachment) => {
        await attachment.refused('ADD', { config: { cniVersion: '99.0.0' } }, 'cniVersion 99.0.0');
        await attachment.add();
      });
    },
  },
];
