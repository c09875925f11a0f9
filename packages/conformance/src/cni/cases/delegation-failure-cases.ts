import { expectEqual, expectTrue } from '../../expect.ts';
import type { Case } from '../../suite.ts';
import type { Attachment } from '../attachment.ts';
import { delegatesIpam } from '../needs.ts';
import { expectHostUnchanged, expectNoLink } from '../network-state.ts';
import { expectFailurePassedOn, stubError, withStub, withUsedStub } from '../stubbed-ipam.ts';
import type { CniTarget } from '../target.ts';

/** DEL succeeds, and takes what the failed ADD may have left. */
async function expectDeleted(attachment: Attachment): Promise<void> {
  await attachment.del();
  await expectNoLink(attachment, 'failed ADD');
}

/** What becomes of an ADD that IPAM can't give an address for. */
export const delegationFailureCases: Case<CniTarget>[] = [
  {
    id: 'delegation.failure',
    group: 'delegation',
    clause: 'what IPAM fails with on ADD is passed on: its code and its message (SPEC.md, Section 4 and Error)',
    proves: ['Delegation.failure', 'ErrorCode.11'],
    needs: [delegatesIpam],
    async run(target) {
      await withStub(target, async (attachment, stub) => {
        const { msg, details } = await expectFailurePassedOn(attachment, stub, 'ADD', 11);
        expectTrue(`${msg} ${details ?? ''}`.includes(stubError(target.newest).msg), `the message of IPAM is lost: ${msg}`);
      });
    },
  },
  {
    id: 'delegation.failure-clean',
    group: 'delegation',
    clause: 'an ADD that fails undoes what it has done: there is no attachment that a runtime would have to delete (SPEC.md, ADD)',
    proves: ['Delegation.failure'],
    needs: [delegatesIpam],
    async run(target) {
      await withUsedStub(target, async (attachment, stub) => {
        stub.fails('ADD', stubError(target.newest));
        await expectHostUnchanged(attachment.host, 'the failed ADD has changed the host', async () => {
          await attachment.refused('ADD', {}, 'IPAM fails');
          await expectNoLink(attachment, 'failed ADD');
        });
      });
    },
  },
  {
    id: 'delegation.failure-del',
    group: 'delegation',
    clause: 'after an ADD of IPAM that failed the plugin calls DEL before it returns (SPEC.md, Delegated plugin execution procedure)',
    proves: ['Delegation.failure', 'Delegation.DEL'],
    needs: [delegatesIpam],
    async run(target) {
      await withStub(target, async (attachment, stub) => {
        stub.fails('ADD', stubError(target.newest));
        await attachment.refused('ADD', {}, 'IPAM fails');
        expectEqual(stub.calls('DEL').length, 1, 'DELs of IPAM');
      });
    },
  },
  {
    id: 'delegation.own-failure',
    group: 'delegation',
    clause: 'a plugin that fails after IPAM has given an address gives it back (SPEC.md, ADD and DEL)',
    proves: ['Delegation.failure', 'Delegation.DEL'],
    needs: [delegatesIpam],
    async run(target) {
      await withStub(target, async (attachment, stub) => {
        // A result without an address: IPAM has succeeded, and the plugin can't.
        stub.answers('ADD', JSON.stringify({ cniVersion: target.newest, ips: [], dns: {} }));
        await attachment.refused('ADD', {}, 'IPAM gives no address');
        stub.expectCalled('DEL');
      });
    },
  },
  {
    id: 'delegation.garbage',
    group: 'delegation',
    clause: 'a result of IPAM that is no JSON is an error, and with the DEL after it nothing is left (SPEC.md, Section 4)',
    proves: ['Delegation.failure'],
    needs: [delegatesIpam],
    async run(target) {
      await withStub(target, async (attachment, stub) => {
        stub.answers('ADD', 'address: 10.89.5.20\n');
        await attachment.refused('ADD', {}, 'IPAM prints no JSON');
        await expectDeleted(attachment);
      });
    },
  },
  {
    id: 'delegation.missing',
    group: 'delegation',
    clause: 'an IPAM plugin that no directory of CNI_PATH has is an error, and with the DEL after it nothing is left (SPEC.md, Section 4)',
    proves: ['Delegation.failure', 'Environment.CNI_PATH'],
    needs: [delegatesIpam],
    async run(target) {
      await withStub(target, async (attachment) => {
        const lost = attachment.with({ path: ['/nowhere'] });
        await lost.refused('ADD', {}, 'IPAM is in no directory of CNI_PATH');
        await expectDeleted(attachment);
      });
    },
  },
];
