import { expectAllIn, expectDistinct, expectSame, expectTrue } from '../../expect.ts';
import { type Case, SkipCase } from '../../suite.ts';
import { type Attachment, withoutRoutes } from '../attachment.ts';
import { capability, choosesAddresses, delegatesIpam, hasAddresses, kind } from '../needs.ts';
import {
  changeNetwork,
  expectContainerUnchanged,
  expectHostUnchanged,
  expectLinkUp,
  expectNoLink,
  expectOnLink,
  linkNames,
  linkOf,
  packetFilter,
  routesOfNamespace,
} from '../network-state.ts';
import { addressesOf, destinationsOf } from '../results.ts';
import type { CniTarget } from '../target.ts';

const parallelAdds = 8;

/** The container's link that ADD is to have made; the case is skipped where there was one by that name before. */
async function newLinkName(attachment: Attachment): Promise<string> {
  if (await linkOf(attachment)) throw new SkipCase(`the plugin makes no interface: ${attachment.ifName} is there before`);
  return attachment.ifName;
}

export const addCases: Case<CniTarget>[] = [
  {
    id: 'add.interface',
    group: 'add',
    clause: 'ADD makes the interface CNI_IFNAME in the network namespace CNI_NETNS, and it is up (SPEC.md, ADD)',
    proves: ['ADD', 'Environment.CNI_IFNAME', 'Environment.CNI_NETNS'],
    needs: [kind('main')],
    async run(target) {
      await target.withAttachment(async (attachment) => {
        await attachment.add();
        await expectLinkUp(attachment);
      });
    },
  },
  {
    id: 'add.addresses',
    group: 'add',
    clause: 'the addresses of the result are on the interface (SPEC.md, ADD)',
    proves: ['ADD', 'Result.ips', 'Address.address'],
    needs: [kind('main')],
    async run(target) {
      await target.withAttachment(async (attachment) => {
        await expectOnLink(attachment, addressesOf(await attachment.add()));
      });
    },
  },
  {
    id: 'add.routes',
    group: 'add',
    clause: 'the routes of the result are in the container (SPEC.md, ADD)',
    proves: ['ADD', 'Result.routes', 'Route.dst'],
    needs: [kind('main'), hasAddresses],
    async run(target) {
      await target.withAttachment(async (attachment) => {
        const told = destinationsOf(await attachment.add());
        const there = (await routesOfNamespace(attachment.host, attachment.netns)).map(({ dst }) => dst);
        expectAllIn(told, there, 'routes of the result that the container has not');
      });
    },
  },
  {
    id: 'add.two-containers',
    group: 'add',
    clause: 'each container of a network can be told from the others by its address (SPEC.md, Overview: "network")',
    proves: ['ADD', 'Address.address'],
    needs: [hasAddresses, choosesAddresses],
    async run(target) {
      await target.withTwoAttachments(async (first, second) => {
        const before = addressesOf(await first.add());
        expectDistinct([...before, ...addressesOf(await second.add())], 'addresses that both containers have');
      });
    },
  },
  {
    id: 'add.second-interface',
    group: 'add',
    clause: 'a container can be added to a network again by another interface name (SPEC.md, Attachment Parameters)',
    proves: ['ADD', 'Environment.CNI_IFNAME'],
    needs: [kind('main', 'ipam'), hasAddresses, choosesAddresses],
    async run(target) {
      await target.withAttachment(async (first) => {
        const second = first.with({ ifName: 'second0' });
        const addresses = [...addressesOf(await first.add()), ...addressesOf(await second.add({ config: withoutRoutes(second) }))];
        expectDistinct(addresses, 'addresses that both interfaces have');
        if (target.kind === 'ipam') return;
        const names = await linkNames(first.host, first.netns);
        expectAllIn([first.ifName, 'second0'], names, 'interfaces that the container has not');
      });
    },
  },
  {
    id: 'add.second-default-route',
    group: 'add',
    clause:
      'a default route that the container has already, from another network, is passed over (SPEC.md of 0.4.0, IP Allocation: "skip over")',
    proves: ['ADD', 'Route.dst'],
    needs: [delegatesIpam, choosesAddresses],
    async run(target) {
      await target.withAttachment(async (first) => {
        if (!destinationsOf(await first.add()).includes('0.0.0.0/0')) throw new SkipCase('its network has no default route');
        await first.with({ ifName: 'second0' }).add();
        const defaults = (await routesOfNamespace(first.host, first.netns)).filter(({ dst }) => dst === '0.0.0.0/0');
        expectTrue(
          defaults.some(({ dev }) => dev === first.ifName),
          'the first default route is gone',
        );
      });
    },
  },
  {
    id: 'add.second-network',
    group: 'add',
    clause:
      'what a plugin keeps is kept by network, container and interface name: another network knows nothing of it (SPEC.md, Lifecycle & Ordering)',
    proves: ['ADD', 'DEL', 'Configuration.name'],
    needs: [kind('ipam')],
    async run(target) {
      await target.withTwoAttachments(async (first, third) => {
        const second = first.with({ network: 'other-network' });
        const addresses = addressesOf(await first.add());
        expectSame(addressesOf(await second.add()), addresses, 'the same one address, of another network');
        await second.del();
        await third.refused('ADD', {}, 'the only address is taken, though the other network has given back its own');
      }, target.narrowed(1));
    },
  },
  {
    id: 'add.occupied-name',
    group: 'add',
    clause:
      'a plugin that is unable to use the interface name returns an error (SPEC.md, ADD: "If the requested interface name already exists")',
    proves: ['ADD', 'Environment.CNI_IFNAME'],
    needs: [kind('main')],
    async run(target) {
      await target.withAttachment(async (attachment) => {
        const name = await newLinkName(attachment);
        await changeNetwork(attachment.host, attachment.netns, 'link', 'add', 'name', name, 'type', 'bridge');
        await attachment.refused('ADD', {}, `there is an interface ${name}`);
      });
    },
  },
  {
    id: 'add.missing-netns',
    group: 'add',
    clause: 'ADD to a network namespace that is not there is refused, and leaves nothing (SPEC.md, ADD)',
    proves: ['ADD', 'Environment.CNI_NETNS'],
    needs: [kind('main')],
    async run(target) {
      await refusedWithoutTrace(target, '/run/netns/nowhere', 'no network namespace');
    },
  },
  {
    id: 'add.plain-file-netns',
    group: 'add',
    clause: 'ADD to a file that is no network namespace is refused, and leaves nothing (SPEC.md, ADD)',
    proves: ['ADD', 'Environment.CNI_NETNS'],
    needs: [kind('main')],
    async run(target) {
      await refusedWithoutTrace(target, target.plainFile(), 'a plain file in place of a network namespace');
    },
  },
  {
    id: 'add.exhausted',
    group: 'add',
    clause: 'ADD without an address to give is refused, and with the DEL after it nothing is left (SPEC.md, ADD and DEL)',
    proves: ['ADD'],
    needs: [hasAddresses],
    async run(target) {
      const narrow = target.narrowed(1);
      await target.withHost(async (host) => {
        await (await target.attach(host, narrow)).add();
        const late = await target.attach(host, narrow);
        await expectHostUnchanged(host, 'the refused ADD has changed the host', async () => {
          await late.refused('ADD', {}, 'all addresses are taken');
          await late.del();
        });
        if (target.kind === 'main') await expectNoLink(late, 'refused ADD');
      });
    },
  },
  {
    id: 'add.process-netns',
    group: 'add',
    clause: 'CNI_NETNS may be /proc/PID/ns/net of a process (SPEC.md of 0.4.0, Parameters)',
    proves: ['ADD', 'Environment.CNI_NETNS'],
    needs: [kind('main')],
    async run(target) {
      await target.withHost(async (host) => {
        const attachment = await target.attach(host);
        await host.withProcess(attachment.netns, async (pid) => {
          await attachment.with({ netns: `/proc/${pid}/ns/net` }).add();
          await expectLinkUp(attachment);
        });
      });
    },
  },
  {
    id: 'add.parallel',
    group: 'add',
    clause: 'ADDs of different containers may run at once (SPEC.md, Lifecycle & Ordering: "parallel operations for different containers")',
    proves: ['ADD', 'Execution.parallel'],
    needs: [choosesAddresses],
    timeLimitMs: 120_000,
    async run(target) {
      await target.withHost(async (host) => {
        const attachments: Attachment[] = [];
        for (let i = 0; i < parallelAdds; i++) attachments.push(await target.attach(host));
        const results = await Promise.all(attachments.map((attachment) => attachment.add()));
        if (target.givesAddresses) expectDistinct(results.flatMap(addressesOf), 'addresses given twice');
        if (target.kind === 'main') await Promise.all(attachments.map(expectLinkUp));
        await Promise.all(attachments.map((attachment) => attachment.del()));
      });
    },
  },
  {
    id: 'add.leaves-others',
    group: 'add',
    clause: 'ADD changes nothing of other containers (SPEC.md, ADD)',
    proves: ['ADD'],
    needs: [kind('main', 'meta')],
    async run(target) {
      await target.withTwoAttachments(async (first, second) => {
        await first.add();
        await expectContainerUnchanged(first, 'the other container has changed', () => second.add());
      });
    },
  },
  {
    id: 'add.rules',
    group: 'add',
    clause: 'capability portMappings: ADD forwards the ports (CONVENTIONS.md, Dynamic plugin-specific fields)',
    proves: ['ADD', 'Configuration.runtimeConfig', 'RuntimeConfig.portMappings'],
    needs: [kind('meta'), capability('portMappings')],
    async run(target) {
      const { runtimeConfig } = target.given.config as Record<string, Record<string, unknown> | undefined>;
      const [mapping] = (runtimeConfig?.portMappings ?? []) as { hostPort?: number }[];
      if (mapping?.hostPort === undefined) throw new SkipCase('its configuration asks for no port');
      await target.withAttachment(async (attachment) => {
        await attachment.add();
        const rules = (await packetFilter(attachment.host)).filter((line) => line.includes(String(mapping.hostPort)));
        expectTrue(rules.length > 0, `no rule of the packet filter names port ${mapping.hostPort}`);
      });
    },
  },
  {
    id: 'add.again-after-del',
    group: 'add',
    clause: 'after DEL the same container can be added again (SPEC.md, Lifecycle & Ordering)',
    proves: ['ADD', 'DEL'],
    async run(target) {
      await target.withAttachment(async (attachment) => {
        for (let i = 0; i < 2; i++) {
          await attachment.add();
          await attachment.del();
          attachment.result = undefined;
        }
      });
    },
  },
];

async function refusedWithoutTrace(target: CniTarget, netns: string, what: string): Promise<void> {
  await target.withHost(async (host) => {
    await (await target.attach(host)).add();
    const attachment = await target.attach(host, { netns });
    await expectHostUnchanged(host, `ADD with ${what} has changed the host`, () => attachment.refused('ADD', {}, what));
  });
}
