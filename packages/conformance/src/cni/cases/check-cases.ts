import { expectEqual, expectTrue } from '../../expect.ts';
import { type Case, SkipCase } from '../../suite.ts';
import type { Attachment, AttachmentParts } from '../attachment.ts';
import { choosesAddresses, delegatesIpam, hasAddresses, kind, since, version } from '../needs.ts';
import { changeNetwork, expectHostUnchanged, linkOf, packetFilter, routesOfNamespace } from '../network-state.ts';
import { addressesOf, destinationsOf } from '../results.ts';
import type { CniTarget } from '../target.ts';

const missing = (what: string): string =>
  `CHECK fails where ${what} that the plugin has made, and prevResult lists, is missing or in an invalid state (SPEC.md, CHECK)`;

/** What was done to a container behind the plugin's back, and has to be found out. */
interface Damage {
  id: string;
  clause: string;
  proves: string;
  needs: Case<CniTarget>['needs'];
  /** Skips the case where the result has nothing of the kind. */
  damage(attachment: Attachment): Promise<void>;
}

const damages: Damage[] = [
  {
    id: 'interface-deleted',
    clause: missing('an interface'),
    proves: 'Result.interfaces',
    needs: [kind('main')],
    async damage({ host, netns, ifName }) {
      if (ifName === 'lo') throw new SkipCase('lo can not be deleted');
      await changeNetwork(host, netns, 'link', 'delete', 'dev', ifName);
    },
  },
  {
    id: 'interface-down',
    clause: missing('an interface').replace('missing or ', ''),
    proves: 'Result.interfaces',
    needs: [kind('main')],
    async damage({ host, netns, ifName }) {
      await changeNetwork(host, netns, 'link', 'set', 'dev', ifName, 'down');
    },
  },
  {
    id: 'mac-changed',
    clause: missing('an interface').replace('missing or ', ''),
    proves: 'Interface.mac',
    needs: [kind('main')],
    async damage({ host, netns, ifName }) {
      if (ifName === 'lo') throw new SkipCase('lo has no hardware address');
      await changeNetwork(host, netns, 'link', 'set', 'dev', ifName, 'address', '0a:58:ff:ff:ff:fe');
    },
  },
  {
    id: 'address-removed',
    clause: missing('an address'),
    proves: 'Result.ips',
    needs: [kind('main'), hasAddresses],
    async damage({ host, netns, ifName, result }) {
      const [address] = addressesOf(result ?? {});
      if (address === undefined) throw new SkipCase('the result has no address');
      await changeNetwork(host, netns, 'address', 'delete', address, 'dev', ifName);
    },
  },
  {
    id: 'route-removed',
    clause: missing('a route'),
    proves: 'Result.routes',
    needs: [kind('main'), hasAddresses],
    async damage({ host, netns, result }) {
      const [destination] = destinationsOf(result ?? {});
      if (destination === undefined) throw new SkipCase('the result has no route');
      await changeNetwork(host, netns, 'route', 'delete', destination);
    },
  },
  {
    id: 'rules-flushed',
    clause:
      'CHECK fails where firewall rules that the plugin has made are missing (SPEC.md, CHECK: "other resources not tracked in the Result type")',
    proves: 'Configuration.prevResult',
    needs: [kind('meta')],
    async damage({ host }) {
      if ((await packetFilter(host)).length === 0) throw new SkipCase('the plugin makes no rules of the packet filter');
      await host.tool('nft', 'flush', 'ruleset');
    },
  },
  {
    id: 'reservation-gone',
    clause: 'CHECK fails where the reservation of the address is missing (SPEC.md, CHECK: "IP reservations")',
    proves: 'Configuration.prevResult',
    needs: [kind('ipam'), choosesAddresses],
    async damage(attachment) {
      await attachment.del();
    },
  },
];

/** CHECK succeeds right after ADD. */
async function expectChecked(target: CniTarget, change: Partial<AttachmentParts> = {}): Promise<void> {
  await target.withAttachment(async (attachment) => {
    await attachment.add();
    await attachment.check();
  }, change);
}

export const checkCases: Case<CniTarget>[] = [
  {
    id: 'check.after-add',
    group: 'check',
    clause: 'CHECK right after ADD succeeds (SPEC.md, CHECK: "must handle CHECK being called immediately after an ADD")',
    proves: ['CHECK', 'Configuration.prevResult'],
    needs: [since('0.4.0')],
    async run(target) {
      await expectChecked(target);
    },
  },
  {
    id: 'check.versions',
    group: 'check',
    clause: 'CHECK takes the prevResult of each version that has it (SPEC.md from 0.4.0 on, CHECK)',
    proves: ['CHECK', 'Configuration.prevResult', 'Configuration.cniVersion'],
    needs: [since('0.4.0')],
    async run(target) {
      for (const cniVersion of target.versionsSince('0.4.0')) await expectChecked(target, { cniVersion });
    },
  },
  {
    id: 'check.changes-nothing',
    group: 'check',
    clause: 'CHECK probes and changes nothing, however often it is called (SPEC.md, CHECK)',
    proves: ['CHECK'],
    needs: [since('0.4.0')],
    async run(target) {
      await target.withAttachment(async (attachment) => {
        await attachment.add();
        await expectHostUnchanged(attachment.host, 'CHECK has changed the host', async () => {
          for (let i = 0; i < 2; i++) await attachment.check();
        });
      });
    },
  },
  ...damages.map(
    ({ id, clause, proves, needs = [], damage }): Case<CniTarget> => ({
      id: `check.${id}`,
      group: 'check',
      clause,
      proves: ['CHECK', proves],
      needs: [since('0.4.0'), ...needs],
      async run(target) {
        await target.withAttachment(async (attachment) => {
          await attachment.add();
          await attachment.check();
          await damage(attachment);
          await attachment.refused('CHECK', {}, id.replaceAll('-', ' '));
        });
      },
    }),
  ),
  {
    id: 'check.later-plugins',
    group: 'check',
    clause:
      'CHECK allows for what a later plugin in the chain has added: addresses, routes (SPEC.md, CHECK: "must allow for a later chained plugin")',
    proves: ['CHECK'],
    needs: [kind('main'), since('0.4.0')],
    async run(target) {
      await target.withAttachment(async (attachment) => {
        await attachment.add();
        const { host, netns, ifName } = attachment;
        await host.ipBatch([`address add 203.0.113.7/32 dev ${ifName}`, `route add 203.0.113.128/25 dev ${ifName}`], netns);
        expectTrue(
          (await routesOfNamespace(host, netns)).some(({ dst }) => dst === '203.0.113.128/25'),
          'the suite could add no route',
        );
        await attachment.check();
      });
    },
  },
  {
    id: 'check.missing-netns',
    group: 'check',
    clause:
      'CHECK fails where the network namespace is gone (SPEC.md, CHECK: "aware of a condition where the container is generally unreachable")',
    proves: ['CHECK', 'Environment.CNI_NETNS'],
    needs: [kind('main'), since('0.4.0')],
    async run(target) {
      await target.withAttachment(async (attachment) => {
        await attachment.add();
        await attachment.host.removeNamespace(attachment.netns);
        await attachment.refused('CHECK', {}, 'the network namespace is gone');
      });
    },
  },
  {
    id: 'check.no-prev-result',
    group: 'check',
    clause: 'CHECK needs prevResult, from which it learns what to expect (SPEC.md, CHECK: "must consult the prevResult")',
    proves: ['CHECK', 'Configuration.prevResult'],
    needs: [kind('main', 'meta'), since('0.4.0')],
    async run(target) {
      await target.withAttachment(async (attachment) => {
        const { ips } = await attachment.add();
        if (attachment.ifName === 'lo') throw new SkipCase('lo is there whatever prevResult says');
        if (!ips?.length) throw new SkipCase('the plugin has made nothing that a result tells');
        await attachment.refused('CHECK', { config: { prevResult: undefined } }, 'without prevResult');
      });
    },
  },
  {
    id: 'check.other-container',
    group: 'check',
    clause: 'CHECK is about one container: damage to another one is not its business (SPEC.md, CHECK)',
    proves: ['CHECK', 'Environment.CNI_CONTAINERID'],
    needs: [kind('main'), delegatesIpam, since('0.4.0')],
    async run(target) {
      await target.withTwoAttachments(async (whole, damaged) => {
        await whole.add();
        await damaged.add();
        await changeNetwork(damaged.host, damaged.netns, 'link', 'delete', 'dev', damaged.ifName);
        await whole.check();
        expectEqual(await linkOf(damaged), undefined, 'the deleted interface');
      });
    },
  },
  {
    id: 'check.old-version',
    group: 'check',
    clause: 'CHECK came with 0.4.0: in an older version it is refused (SPEC.md of 0.3.1 has none; Error, code 1)',
    proves: ['CHECK', 'ErrorCode.1'],
    needs: [since('0.4.0'), version('0.3.1')],
    async run(target) {
      await target.withAttachment(
        async (attachment) => {
          await attachment.add();
          await attachment.refused('CHECK', { config: { prevResult: attachment.result } }, 'CHECK in version 0.3.1', 1);
        },
        { cniVersion: '0.3.1' },
      );
    },
  },
];
