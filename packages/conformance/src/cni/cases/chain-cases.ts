import { expectAllIn, expectSame, expectTrue } from '../../expect.ts';
import type { Case } from '../../suite.ts';
import { kind, since } from '../needs.ts';
import { expectContainerUnchanged } from '../network-state.ts';
import { type CniResult, destinationsOf } from '../results.ts';
import type { CniTarget } from '../target.ts';

const needs = [kind('meta'), since('0.3.0')];

export const chainCases: Case<CniTarget>[] = [
  {
    id: 'chain.prev-result',
    group: 'chain',
    clause:
      'a chained plugin passes prevResult on but for what it has changed itself, in each version (SPEC.md, ADD Success: "must output it as their result")',
    proves: ['ADD', 'Configuration.prevResult', 'Result.interfaces', 'Result.ips', 'Result.dns'],
    needs,
    async run(target) {
      for (const cniVersion of target.versionsSince('0.3.0')) {
        await target.withAttachment(
          async (attachment) => {
            const result = await attachment.add();
            expectPassedOn(result, attachment.configuration('ADD').prevResult as CniResult, cniVersion);
          },
          { cniVersion },
        );
      }
    },
  },
  {
    id: 'chain.leaves-interface',
    group: 'chain',
    clause: 'ADD and DEL of a chained plugin leave what the plugins before it have made (SPEC.md, Lifecycle & Ordering)',
    proves: ['ADD', 'DEL'],
    needs,
    async run(target) {
      await target.withAttachment(async (attachment) => {
        await expectContainerUnchanged(attachment, 'the container has changed', async () => {
          await attachment.add();
          await attachment.del();
        });
      });
    },
  },
  {
    id: 'chain.no-prev-result',
    group: 'chain',
    clause: 'a plugin that works only in a chain refuses an ADD without prevResult (SPEC.md, Adding an attachment)',
    proves: ['ADD', 'Configuration.prevResult'],
    needs,
    async run(target) {
      await target.withAttachment(async (attachment) => {
        await attachment.refused('ADD', { config: { prevResult: undefined } }, 'without prevResult');
      });
    },
  },
  {
    id: 'chain.broken-prev-result',
    group: 'chain',
    clause: 'a prevResult that is no result is refused (SPEC.md, Error, codes 6 and 7)',
    proves: ['ADD', 'Configuration.prevResult'],
    needs,
    async run(target) {
      await target.withAttachment(async (attachment) => {
        for (const prevResult of ['eth0', [1, 2], { cniVersion: target.newest, ips: 'none' }]) {
          await attachment.refused('ADD', { config: { prevResult } }, `prevResult is ${JSON.stringify(prevResult)}`);
        }
      });
    },
  },
  {
    id: 'chain.prev-result-version',
    group: 'chain',
    clause: 'a prevResult of a version that the plugin does not support is refused (SPEC.md, Error, code 1)',
    proves: ['ADD', 'Configuration.prevResult'],
    needs,
    async run(target) {
      await target.withAttachment(async (attachment) => {
        await attachment.refused('ADD', { config: { prevResult: { cniVersion: '99.0.0', ips: [] } } }, 'prevResult of version 99.0.0');
      });
    },
  },
  {
    id: 'chain.failed-add',
    group: 'chain',
    clause: 'a refused ADD of a chained plugin leaves what the plugins before it have made (SPEC.md, ADD)',
    proves: ['ADD'],
    needs,
    async run(target) {
      await target.withAttachment(async (attachment) => {
        await expectContainerUnchanged(attachment, 'the container has changed', () =>
          attachment.refused('ADD', { config: { cniVersion: '99.0.0' } }, 'cniVersion 99.0.0'),
        );
      });
    },
  },
];

/** A plugin may add, and change keys of interfaces: what it is given by name and address comes back. */
function expectPassedOn(result: CniResult, given: CniResult, version: string): void {
  const named = ({ interfaces = [] }: CniResult): string[] => interfaces.map(({ name, sandbox = '' }) => `${name} ${sandbox}`);
  expectAllIn(named(given), named(result), `interfaces of prevResult that the result of ${version} has not`);
  for (const ip of given.ips ?? []) {
    const found = result.ips?.find(({ address }) => address === ip.address);
    expectTrue(found !== undefined, `the result of ${version} has not the address ${ip.address} of prevResult`);
    expectSame([found?.gateway, found?.interface], [ip.gateway, ip.interface], `address ${ip.address} in the result of ${version}`);
  }
  expectAllIn(destinationsOf(given), destinationsOf(result), `routes of prevResult that the result of ${version} has not`);
  expectSame(result.dns?.nameservers, given.dns?.nameservers, `dns.nameservers of ${version}`);
}
