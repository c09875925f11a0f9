import { expectEqual } from '../../expect.ts';
import type { Case } from '../../suite.ts';
import type { Attachment } from '../attachment.ts';
import { delegatesIpam, hasAddresses } from '../needs.ts';
import { expectNoLink, expectNothingMore } from '../network-state.ts';
import { addressesOf, type CniResult } from '../results.ts';
import { withStub } from '../stubbed-ipam.ts';
import type { CniTarget } from '../target.ts';
import { onUsedHost } from '../used-host.ts';

/** At which parts of the time that an ADD takes it is killed. */
const moments = [0.15, 0.35, 0.55, 0.75, 0.9];

/** ADD, and how many milliseconds the whole of it takes. */
async function timedAdd(attachment: Attachment): Promise<{ result: CniResult; wholeMs: number }> {
  const startedAt = performance.now();
  const result = await attachment.add();
  return { result, wholeMs: performance.now() - startedAt };
}

export const crashCases: Case<CniTarget>[] = [
  {
    id: 'crash.any-moment',
    group: 'crash',
    clause:
      'DEL after an ADD that was killed at any moment leaves nothing (SPEC.md of 0.4.0, DEL: "clean up as many resources as possible")',
    proves: ['ADD', 'DEL', 'Execution.killed'],
    async run(target) {
      await onUsedHost(target, async (first, before) => {
        const { host } = first;
        const { wholeMs } = await timedAdd(first);
        await first.del();
        for (const moment of moments) {
          const killed = first.with({ containerId: `killed-${moment}` });
          killed.result = undefined;
          await killed.call('ADD', { killAfterMs: wholeMs * moment });
          await killed.del();
          await expectNothingMore(host, before, `DEL after an ADD that was killed at ${moment * 100} % of its time`);
        }
      });
    },
  },
  {
    id: 'crash.during-ipam',
    group: 'crash',
    clause: 'DEL after an ADD that was killed while IPAM ran leaves nothing, and ADD works again (SPEC.md, DEL)',
    proves: ['ADD', 'DEL', 'Execution.killed', 'Delegation.DEL'],
    needs: [delegatesIpam],
    async run(target, signal) {
      await withStub(target, async (attachment, stub) => {
        stub.hangs('ADD');
        const ended = new AbortController();
        const killed = new AbortController();
        const kill = (): void => killed.abort();
        void stub.called(AbortSignal.any([signal, ended.signal])).then(kill, kill);
        const { status } = await attachment.call('ADD', { signal: killed.signal }).finally(() => ended.abort());
        expectEqual(status, null, 'exit status of an ADD that was killed');
        stub.recovers('ADD');
        await attachment.del();
        await expectNoLink(attachment, 'killed ADD');
        await attachment.add();
      });
    },
  },
  {
    id: 'crash.address',
    group: 'crash',
    clause: 'the address of a container whose ADD was killed, and that was then deleted, can be given again (SPEC.md, DEL)',
    proves: ['ADD', 'DEL', 'Execution.killed'],
    needs: [hasAddresses],
    async run(target) {
      const narrow = target.narrowed(1);
      await target.withHost(async (host) => {
        const attachment = await target.attach(host, narrow);
        const { result, wholeMs } = await timedAdd(attachment);
        const addresses = addressesOf(result);
        await attachment.del();
        attachment.result = undefined;
        for (const moment of moments) {
          await attachment.call('ADD', { killAfterMs: wholeMs * moment });
          await attachment.del();
          const next = await target.attach(host, narrow);
          expectEqual(addressesOf(await next.add()).join(), addresses.join(), 'the only address');
          await next.del();
        }
      });
    },
  },
];
