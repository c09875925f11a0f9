import { expectSame, expectTrue } from '../../expect.ts';
import type { Case } from '../../suite.ts';
import { type Attachment, withoutRoutes } from '../attachment.ts';
import { hasAddresses, kind } from '../needs.ts';
import { changeNetwork, expectHostUnchanged, expectNothingMore, expectOnLink, expectUndone, linkNames, linkOf } from '../network-state.ts';
import { type CallChange, succeeded } from '../plugin-caller.ts';
import { addressesOf } from '../results.ts';
import type { CniTarget } from '../target.ts';
import { onUsedHost } from '../used-host.ts';

const permissive = 'DEL completes without error even if resources are missing (SPEC.md, DEL)';

/** A DEL in odd circumstances, after which nothing of the container is left on the host. */
interface OddDel {
  id: string;
  clause: string;
  proves: string;
  /** Makes the circumstances, and gives what DEL is then told. */
  prepare(attachment: Attachment, target: CniTarget): Promise<CallChange>;
}

const oddDels: OddDel[] = [
  {
    id: 'missing-netns',
    clause: `${permissive}: the network namespace is gone`,
    proves: 'Environment.CNI_NETNS',
    async prepare(attachment) {
      await attachment.host.removeNamespace(attachment.netns);
      return {};
    },
  },
  {
    id: 'no-netns',
    clause: 'CNI_NETNS is optional for DEL (SPEC.md, DEL: "Optional environment parameters")',
    proves: 'Environment.CNI_NETNS',
    async prepare(attachment) {
      await attachment.host.removeNamespace(attachment.netns);
      return { env: { CNI_NETNS: undefined } };
    },
  },
  {
    id: 'empty-netns',
    clause: 'DEL with an empty CNI_NETNS cleans up what it can and succeeds (SPEC.md of 0.4.0, DEL: "When CNI_NETNS ... are not provided")',
    proves: 'Environment.CNI_NETNS',
    async prepare(attachment) {
      await attachment.host.removeNamespace(attachment.netns);
      return { env: { CNI_NETNS: '' } };
    },
  },
  {
    id: 'plain-file-netns',
    clause: `${permissive}: a reboot has left a plain file where the network namespace was`,
    proves: 'Environment.CNI_NETNS',
    async prepare(attachment, target) {
      await attachment.host.removeNamespace(attachment.netns);
      return { env: { CNI_NETNS: target.plainFile() } };
    },
  },
  {
    id: 'interface-gone',
    clause: `${permissive}: the interface is gone`,
    proves: 'Environment.CNI_NETNS',
    async prepare(attachment) {
      await removeInterface(attachment);
      return {};
    },
  },
  {
    id: 'no-prev-result',
    clause: 'DEL without prevResult cleans up what it can and succeeds (SPEC.md of 0.4.0, DEL: "and/or prevResult are not provided")',
    proves: 'Configuration.prevResult',
    prepare: async () => ({ config: { prevResult: undefined } }),
  },
  {
    id: 'truncated-prev-result',
    clause: `${permissive}: the runtime's cache holds but the beginning of the result`,
    proves: 'Configuration.prevResult',
    prepare: async ({ result }) => ({ config: { prevResult: { cniVersion: result?.cniVersion } } }),
  },
];

export const delCases: Case<CniTarget>[] = [
  {
    id: 'del.interface',
    group: 'del',
    clause: 'DEL takes the interface out of the container, if ADD has made it (SPEC.md, DEL)',
    proves: ['DEL'],
    needs: [kind('main')],
    async run(target) {
      await target.withAttachment(async (attachment) => {
        const before = await linkNames(attachment.host, attachment.netns);
        await attachment.add();
        await attachment.del();
        const after = await linkNames(attachment.host, attachment.netns);
        expectSame(after, before, 'interfaces of the container');
      });
    },
  },
  {
    id: 'del.host',
    group: 'del',
    clause: 'DEL releases all resources of the container: the host is as it was before its ADD (SPEC.md, DEL)',
    proves: ['DEL'],
    async run(target) {
      await onUsedHost(target, (attachment) => expectUndone(attachment));
    },
  },
  {
    id: 'del.output',
    group: 'del',
    clause: 'DEL that succeeds prints no result and no error (SPEC.md, DEL)',
    proves: ['DEL', 'Execution.stdout'],
    async run(target) {
      await target.withAttachment(async (attachment) => {
        await attachment.add();
        const { stdout } = succeeded('DEL', await attachment.call('DEL'));
        expectTrue(!/"(code|ips|ip4)"/.test(stdout), `DEL has printed ${stdout.slice(0, 300)}`);
      });
    },
  },
  {
    id: 'del.twice',
    group: 'del',
    clause: 'DEL is idempotent: a second one succeeds (SPEC.md, Lifecycle & Ordering)',
    proves: ['DEL'],
    async run(target) {
      await target.withAttachment(async (attachment) => {
        await attachment.add();
        await attachment.del();
        await attachment.del();
      });
    },
  },
  {
    id: 'del.never-added',
    group: 'del',
    clause: 'DEL of a container that was never added succeeds (SPEC.md, DEL)',
    proves: ['DEL'],
    async run(target) {
      await target.withAttachment((attachment) => attachment.del());
    },
  },
  {
    id: 'del.leaves-others',
    group: 'del',
    clause: 'DEL of one container leaves the others of its network (SPEC.md, DEL)',
    proves: ['DEL', 'Environment.CNI_CONTAINERID'],
    async run(target) {
      await target.withTwoAttachments(async (staying, leaving) => {
        const addresses = addressesOf(await staying.add());
        await expectUndone(leaving);
        if (target.kind === 'main') await expectOnLink(staying, addresses);
      });
    },
  },
  {
    id: 'del.one-interface',
    group: 'del',
    clause: "DEL of one interface leaves the container's others (SPEC.md, Attachment Parameters)",
    proves: ['DEL', 'Environment.CNI_IFNAME'],
    needs: [kind('main', 'ipam'), hasAddresses],
    async run(target) {
      await target.withTwoAttachments(async (first, third) => {
        const second = first.with({ ifName: 'second0' });
        await first.add();
        const kept = addressesOf(await second.add({ config: withoutRoutes(second) }));
        await first.del();
        const given = addressesOf(await third.add());
        expectSame(
          given.filter((address) => kept.includes(address)),
          [],
          'addresses that the interface which stays has too',
        );
        if (target.kind === 'main') expectTrue((await linkOf(second)) !== undefined, 'interface second0 is gone');
      }, target.narrowed(2));
    },
  },
  {
    id: 'del.address-reusable',
    group: 'del',
    clause: 'DEL gives back the address: another container can have it (SPEC.md, DEL)',
    proves: ['DEL', 'Address.address'],
    needs: [hasAddresses],
    async run(target) {
      await target.withTwoAttachments(async (first, second) => {
        const addresses = addressesOf(await first.add());
        await first.del();
        expectSame(addressesOf(await second.add()), addresses, 'the only address');
      }, target.narrowed(1));
    },
  },
  ...oddDels.map(
    ({ id, clause, proves, prepare }): Case<CniTarget> => ({
      id: `del.${id}`,
      group: 'del',
      clause,
      proves: ['DEL', proves],
      async run(target) {
        await onUsedHost(target, async (attachment, before) => {
          await attachment.add();
          await attachment.del(await prepare(attachment, target));
          await expectNothingMore(attachment.host, before, 'DEL has left something');
        });
      },
    }),
  ),
  {
    id: 'del.parallel',
    group: 'del',
    clause: 'DELs and ADDs of different containers may run at once (SPEC.md, Lifecycle & Ordering)',
    proves: ['DEL', 'Execution.parallel'],
    async run(target) {
      await onUsedHost(target, async (first) => {
        const { host } = first;
        const [second, third, fourth] = await Promise.all([target.attach(host), target.attach(host), target.attach(host)]);
        await expectHostUnchanged(host, 'DEL has left something', async () => {
          await Promise.all([first.add(), second.add()]);
          await Promise.all([first.del(), third.add(), second.del(), fourth.add()]);
          await Promise.all([third.del(), fourth.del()]);
        });
      });
    },
  },
];

/** Takes the interface away from outside; lo can only be taken down. */
async function removeInterface(attachment: Attachment): Promise<void> {
  if (!(await linkOf(attachment))) return;
  const { host, netns, ifName } = attachment;
  if (ifName === 'lo') await changeNetwork(host, netns, 'link', 'set', 'dev', ifName, 'down');
  else await changeNetwork(host, netns, 'link', 'delete', 'dev', ifName);
}
