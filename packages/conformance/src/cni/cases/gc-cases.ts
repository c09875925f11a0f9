import { expectSame, expectTrue } from '../../expect.ts';
import { type Case, SkipCase } from '../../suite.ts';
import type { Attachment } from '../attachment.ts';
import { hasAddresses, kind, version } from '../needs.ts';
import { expectHostUnchanged, expectNothingMore, expectState, hostState, linkOf, packetFilter } from '../network-state.ts';
import { addressesOf, type CniResult } from '../results.ts';
import type { CniTarget } from '../target.ts';

const validAttachments = 'Configuration.cni.dev/valid-attachments';

/** Adds a container whose network namespace then goes without a DEL. */
async function addAndAbandon(attachment: Attachment): Promise<CniResult> {
  const result = await attachment.add();
  await attachment.host.removeNamespace(attachment.netns);
  return result;
}

export const gcCases: Case<CniTarget>[] = [
  {
    id: 'gc.removes',
    group: 'gc',
    clause: 'GC releases what belongs to no valid attachment: its address can be given again (SPEC.md, GC)',
    proves: ['GC', validAttachments],
    needs: [version('1.1.0'), hasAddresses],
    async run(target) {
      await target.withTwoAttachments(async (stale, next) => {
        const addresses = addressesOf(await addAndAbandon(stale));
        await stale.gc([]);
        expectSame(addressesOf(await next.add()), addresses, 'the only address');
      }, target.narrowed(1));
    },
  },
  {
    id: 'gc.keeps',
    group: 'gc',
    clause: 'GC leaves what belongs to a valid attachment (SPEC.md, GC)',
    proves: ['GC', validAttachments],
    needs: [version('1.1.0')],
    async run(target) {
      await target.withAttachment(async (attachment) => {
        await attachment.add();
        await expectHostUnchanged(attachment.host, 'GC has changed what is in use', () => attachment.gc([attachment]));
        await attachment.check();
        if (target.kind === 'main') expectTrue((await linkOf(attachment)) !== undefined, 'the interface is gone');
      });
    },
  },
  {
    id: 'gc.some',
    group: 'gc',
    clause: 'GC tells attachments apart by container id: it keeps the valid ones and releases the others (SPEC.md, GC)',
    proves: ['GC', validAttachments, 'Environment.CNI_CONTAINERID'],
    needs: [version('1.1.0'), hasAddresses],
    async run(target) {
      const narrow = target.narrowed(2);
      await target.withTwoAttachments(async (valid, stale) => {
        await valid.add();
        const released = addressesOf(await addAndAbandon(stale));
        await valid.gc([valid]);
        await valid.check();
        expectSame(addressesOf(await (await target.attach(valid.host, narrow)).add()), released, 'the address that was released');
        await (await target.attach(valid.host, narrow)).refused('ADD', {}, 'both addresses are in use');
      }, narrow);
    },
  },
  {
    id: 'gc.interface-names',
    group: 'gc',
    clause: 'GC tells attachments apart by interface name too (SPEC.md, GC)',
    proves: ['GC', validAttachments, 'Environment.CNI_IFNAME'],
    needs: [version('1.1.0'), kind('ipam')],
    async run(target) {
      const narrow = target.narrowed(2);
      await target.withHost(async (host) => {
        const first = await target.attach(host, narrow);
        const second = first.with({ ifName: 'second0' });
        const released = addressesOf(await first.add());
        await second.add();
        await first.gc([second]);
        await second.check();
        expectSame(addressesOf(await (await target.attach(host, narrow)).add()), released, 'the address that was released');
      });
    },
  },
  {
    id: 'gc.twice',
    group: 'gc',
    clause: 'GC can be called at any time, and again (SPEC.md, GC)',
    proves: ['GC'],
    needs: [version('1.1.0')],
    async run(target) {
      await target.withAttachment(async (attachment) => {
        await attachment.gc([]);
        await attachment.add();
        for (let i = 0; i < 2; i++) await attachment.gc([attachment]);
      });
    },
  },
  {
    id: 'gc.rules',
    group: 'gc',
    clause: 'GC releases rules of the packet filter that belong to no valid attachment (SPEC.md, GC)',
    proves: ['GC', validAttachments],
    needs: [version('1.1.0'), kind('meta')],
    async run(target) {
      await target.withHost(async (host) => {
        const valid = await target.attach(host);
        await valid.add();
        const before = await packetFilter(host);
        if (before.length === 0) throw new SkipCase('the plugin makes no rules of the packet filter');
        await addAndAbandon(await target.attach(host));
        await valid.gc([valid]);
        expectState(await packetFilter(host), before, 'rules of the packet filter after GC');
      });
    },
  },
  {
    id: 'gc.other-network',
    group: 'gc',
    clause: 'GC is about one network: what belongs to another one stays (SPEC.md, GC)',
    proves: ['GC', 'Configuration.name'],
    needs: [version('1.1.0'), kind('ipam')],
    async run(target) {
      await target.withAttachment(async (attachment) => {
        await attachment.add();
        await attachment.with({ network: 'other-network' }).gc([]);
        await attachment.check();
      });
    },
  },
  {
    id: 'gc.nothing-left',
    group: 'gc',
    clause: 'GC leaves no more of an attachment that is no longer valid than there was on the host before its ADD (SPEC.md, GC)',
    proves: ['GC', validAttachments],
    needs: [version('1.1.0')],
    async run(target) {
      await target.withHost(async (host) => {
        const keeper = await target.attach(host);
        await keeper.add();
        const before = await hostState(host);
        await addAndAbandon(await target.attach(host));
        await keeper.gc([keeper]);
        await expectNothingMore(host, before, 'GC has left something');
      });
    },
  },
  {
    id: 'gc.after-del',
    group: 'gc',
    clause: 'GC after DEL finds nothing to do, and DEL after GC neither (SPEC.md, GC and DEL)',
    proves: ['GC', 'DEL'],
    needs: [version('1.1.0')],
    async run(target) {
      await target.withAttachment(async (attachment) => {
        await attachment.add();
        await attachment.gc([]);
        await attachment.del();
        await attachment.gc([]);
      });
    },
  },
  {
    id: 'gc.old-version',
    group: 'gc',
    clause: 'GC came with 1.1.0: in an older version it is refused (SPEC.md of 1.0.0 has none; Error, code 1)',
    proves: ['GC', 'ErrorCode.1'],
    needs: [version('1.1.0'), version('1.0.0')],
    async run(target) {
      await target.withPlugin(async (plugin) => {
        const config = { cniVersion: '1.0.0', 'cni.dev/valid-attachments': [] };
        await plugin.refused('GC', { config }, 'GC in version 1.0.0', 1);
      });
    },
  },
  {
    id: 'gc.no-path',
    group: 'gc',
    clause: 'GC requires CNI_PATH (SPEC.md, GC: "Required environment parameters")',
    proves: ['GC', 'Environment.CNI_PATH', 'ErrorCode.4'],
    needs: [version('1.1.0')],
    async run(target) {
      await target.withPlugin(async (plugin) => {
        const config = { 'cni.dev/valid-attachments': [] };
        await plugin.refused('GC', { env: { CNI_PATH: undefined }, config }, 'GC without CNI_PATH', 4);
      });
    },
  },
];
