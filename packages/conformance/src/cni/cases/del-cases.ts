import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expectEqual, expectSame, expectTrue } from '../../expect.ts';
import type { Case } from '../../suite.ts';
import { type Attachment, withoutRoutes } from '../attachment.ts';
import { hasAddresses, kind } from '../needs.ts';
import { addressesOfLink, changeNetwork, expectNothingMore, expectState, hostState, linkNames, linkOf } from '../network-state.ts';
import { addressesOf } from '../results.ts';
import type { CniTarget } from '../target.ts';
import { onUsedHost } from '../used-host.ts';

const permissive = 'DEL completes without error even if resources are missing (SPEC.md, DEL)';

/** A DEL in odd circumstances, after which nothing of the container is left on the host. */
interface OddDel {
  id: string;
  clause: string;
  /** Makes the circumstances, and gives the DEL to be called. */
  prepare(attachment: Attachment, target: CniTarget): Promise<() => Promise<void>>;
}

const oddDels: OddDel[] = [
  {
    id: 'missing-netns',
    clause: `${permissive}: the network namespace is gone`,
    async prepare(attachment) {
      await attachment.host.removeNamespace(attachment.netns);
      return () => attachment.del();
    },
  },
  {
    id: 'no-netns',
    clause: 'CNI_NETNS is optional for DEL (SPEC.md, DEL: "Optional environment parameters")',
    async prepare(attachment) {
      await attachment.host.removeNamespace(attachment.netns);
      return () => attachment.del({ env: { CNI_NETNS: undefined } });
    },
  },
  {
    id: 'empty-netns',
    clause: 'DEL with an empty CNI_NETNS cleans up what it can and succeeds (SPEC.md of 0.4.0, DEL: "When CNI_NETNS ... are not provided")',
    async prepare(attachment) {
      await attachment.host.removeNamespace(attachment.netns);
      return () => attachment.del({ env: { CNI_NETNS: '' } });
    },
  },
  {
    id: 'plain-file-netns',
    clause: `${permissive}: a reboot has left a plain file where the network namespace was`,
    async prepare(attachment, target) {
      await attachment.host.removeNamespace(attachment.netns);
      const file = join(target.directory(), 'netns');
      writeFileSync(file, '');
      return () => attachment.del({ env: { CNI_NETNS: file } });
    },
  },
  {
    id: 'interface-gone',
    clause: `${permissive}: the interface is gone`,
    async prepare(attachment) {
      await removeInterface(attachment);
      return () => attachment.del();
    },
  },
];

const oddResults: { id: string; clause: string; prevResult: (result: object) => unknown }[] = [
  {
    id: 'no-prev-result',
    clause: 'DEL without prevResult cleans up what it can and succeeds (SPEC.md of 0.4.0, DEL: "and/or prevResult are not provided")',
    prevResult: () => undefined,
  },
  {
    id: 'truncated-prev-result',
    clause: `${permissive}: the runtime's cache holds but the beginning of the result`,
    prevResult: (result) => ({ cniVersion: (result as { cniVersion: string }).cniVersion }),
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
      await onUsedHost(target, async (attachment, before) => {
        await attachment.add();
        await attachment.del();
        expectState(await hostState(attachment.host), before, 'DEL has not made the host as it was before ADD');
      });
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
        const { status, stdout } = await attachment.call('DEL');
        expectEqual(status, 0, 'exit status of DEL');
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
      await target.withHost(async (host) => {
        const [staying, leaving] = [await target.attach(host), await target.attach(host)];
        const addresses = addressesOf(await staying.add());
        const before = await hostState(host);
        await leaving.add();
        await leaving.del();
        expectState(await hostState(host), before, 'the host with the container that stays');
        if (target.kind !== 'main') return;
        const link = await linkOf(staying);
        expectSame(
          link && addresses.filter((address) => !addressesOfLink(link).includes(address)),
          [],
          'addresses that the other container has lost',
        );
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
      const narrow = target.narrowed(2);
      await target.withHost(async (host) => {
        const first = await target.attach(host, narrow);
        const second = first.with({ ifName: 'second0' });
        await first.add();
        const kept = addressesOf(await second.add({ config: withoutRoutes(second) }));
        await first.del();
        const third = await target.attach(host, narrow);
        const given = addressesOf(await third.add());
        expectSame(
          given.filter((address) => kept.includes(address)),
          [],
          'addresses that the interface which stays has too',
        );
        if (target.kind === 'main') expectTrue((await linkOf(second)) !== undefined, 'interface second0 is gone');
      });
    },
  },
  {
    id: 'del.address-reusable',
    group: 'del',
    clause: 'DEL gives back the address: another container can have it (SPEC.md, DEL)',
    proves: ['DEL', 'Address.address'],
    needs: [hasAddresses],
    async run(target) {
      const narrow = target.narrowed(1);
      await target.withHost(async (host) => {
        const [first, second] = [await target.attach(host, narrow), await target.attach(host, narrow)];
        const addresses = addressesOf(await first.add());
        await first.del();
        expectSame(addressesOf(await second.add()), addresses, 'the only address');
      });
    },
  },
  ...oddDels.map(
    ({ id, clause, prepare }): Case<CniTarget> => ({
      id: `del.${id}`,
      group: 'del',
      clause,
      proves: ['DEL', 'Environment.CNI_NETNS'],
      async run(target) {
        await onUsedHost(target, async (attachment, before) => {
          await attachment.add();
          await (await prepare(attachment, target))();
          await expectNothingMore(attachment.host, before, 'DEL has left something');
        });
      },
    }),
  ),
  ...oddResults.map(
    ({ id, clause, prevResult }): Case<CniTarget> => ({
      id: `del.${id}`,
      group: 'del',
      clause,
      proves: ['DEL', 'Configuration.prevResult'],
      async run(target) {
        await onUsedHost(target, async (attachment, before) => {
          const result = await attachment.add();
          await attachment.del({ config: { prevResult: prevResult(result) } });
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
        const before = await hostState(host);
        await Promise.all([first.add(), second.add()]);
        await Promise.all([first.del(), third.add(), second.del(), fourth.add()]);
        await Promise.all([third.del(), fourth.del()]);
        expectState(await hostState(host), before, 'DEL has left something');
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
