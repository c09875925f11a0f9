import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expectEqual, expectSame, expectTrue, present } from '../../expect.ts';
import type { Case } from '../../suite.ts';
import type { Attachment } from '../attachment.ts';
import type { IpamStub } from '../ipam-stub.ts';
import { delegatesIpam, since, version } from '../needs.ts';
import { addressesOfLink, expectNoLink, expectState, hostState, linkOf, routesOfNamespace } from '../network-state.ts';
import { addressesOf, type CniErrorObject } from '../results.ts';
import type { CniTarget } from '../target.ts';

const address = '10.89.5.20/24';

const stubMessage = 'the addresses are being counted';

/** What a plugin of the suite's own fails with: the plugin above has to pass it on. */
const stubError = (cniVersion: string, code = 11): CniErrorObject => ({ cniVersion, code, msg: stubMessage });

/** Runs `work` with a container whose addresses come from the suite's own IPAM plugin. */
async function withStub(target: CniTarget, work: (attachment: Attachment, stub: IpamStub) => Promise<void>): Promise<void> {
  const { stub, change } = target.stub();
  stub.gives(target.newest, [address]);
  await target.withAttachment((attachment) => work(attachment, stub), change);
}

/** The same on a host that another such container is on already, so that what all share is there: as it is then is `before`. */
async function withUsedStub(
  target: CniTarget,
  work: (attachment: Attachment, stub: IpamStub, before: string[]) => Promise<void>,
): Promise<void> {
  const { stub, change } = target.stub();
  await target.withHost(async (host) => {
    stub.gives(target.newest, ['10.89.5.2/24']);
    await (await target.attach(host, change)).add();
    stub.gives(target.newest, [address]);
    const before = await hostState(host);
    await work(await target.attach(host, change), stub, before);
  });
}

/** DEL succeeds, and takes what the failed ADD may have left. */
async function expectDeleted(attachment: Attachment): Promise<void> {
  await attachment.del();
  await expectNoLink(attachment, 'failed ADD');
}

const passesOn = (verb: string): string => `the plugin calls IPAM for ${verb} (SPEC.md, Delegated plugin execution procedure)`;

export const delegationCases: Case<CniTarget>[] = [
  {
    id: 'delegation.environment',
    group: 'delegation',
    clause: 'IPAM receives all the environment variables that the plugin received (SPEC.md, Delegated Plugin protocol)',
    proves: ['Delegation.ADD', 'Delegation.environment', 'Environment.CNI_PATH'],
    needs: [delegatesIpam],
    async run(target) {
      await withStub(target, async (attachment, stub) => {
        const args = 'IgnoreUnknown=1;K8S_POD_NAME=web-0';
        await attachment.add({ env: { CNI_ARGS: args } });
        const [call, ...more] = stub.calls('ADD');
        expectEqual(more.length, 0, 'further calls of IPAM');
        const { containerId, netns, ifName, path } = attachment.parts;
        const expected = {
          CNI_COMMAND: 'ADD',
          CNI_CONTAINERID: containerId,
          CNI_NETNS: netns,
          CNI_IFNAME: ifName,
          CNI_PATH: path.join(':'),
          CNI_ARGS: args,
        };
        for (const [name, value] of Object.entries(expected)) expectEqual(call?.env[name], value, `${name} of IPAM`);
      });
    },
  },
  {
    id: 'delegation.configuration',
    group: 'delegation',
    clause: 'IPAM receives the whole configuration that the plugin received, unknown keys too (SPEC.md, Delegated Plugin protocol)',
    proves: ['Delegation.ADD', 'Configuration.type', 'Configuration.ipam'],
    needs: [delegatesIpam],
    async run(target) {
      await withStub(target, async (attachment, stub) => {
        const more = {
          args: { cni: { labels: [] } },
          'example.com/unknown': [1, { two: 'three' }],
          runtimeConfig: { 'example.com/asked': 'yes' },
        };
        await attachment.add({ config: more });
        const told = present(stub.calls('ADD')[0], 'call of IPAM').stdin;
        const given = { ...attachment.configuration('ADD'), ...more } as Record<string, unknown>;
        for (const [key, value] of Object.entries(given)) expectSame(told[key], value, `${key} of the configuration that IPAM got`);
      });
    },
  },
  {
    id: 'delegation.addresses',
    group: 'delegation',
    clause: 'ips of the result are those that IPAM gave, and are on the interface (SPEC.md of 0.4.0, Result)',
    proves: ['Delegation.ADD', 'Result.ips', 'Address.gateway'],
    needs: [delegatesIpam],
    async run(target) {
      await withStub(target, async (attachment) => {
        const result = await attachment.add();
        expectSame(addressesOf(result), [address], 'addresses of the result');
        if (result.ips?.[0]?.gateway !== undefined) expectEqual(result.ips[0].gateway, '10.89.5.1', 'gateway of the result');
        const link = present(await linkOf(attachment), attachment.ifName);
        expectTrue(addressesOfLink(link).includes(address), `the interface has ${addressesOfLink(link).join(', ')}`);
      });
    },
  },
  {
    id: 'delegation.two-families',
    group: 'delegation',
    clause: 'all addresses of IPAM are applied, IPv4 and IPv6 (SPEC.md, ADD Success: "ips")',
    proves: ['Delegation.ADD', 'Result.ips'],
    needs: [delegatesIpam, since('0.3.0')],
    async run(target) {
      await withStub(target, async (attachment, stub) => {
        const both = [address, 'fd00:89::20/64'];
        stub.gives(target.newest, both);
        expectSame(addressesOf(await attachment.add()), both, 'addresses of the result');
        const link = present(await linkOf(attachment), attachment.ifName);
        const missing = both.filter((one) => !addressesOfLink(link).includes(one));
        expectSame(missing, [], 'addresses that the interface has not');
      });
    },
  },
  {
    id: 'delegation.routes',
    group: 'delegation',
    clause:
      'routes of IPAM are set in the container: by their gateway, or by that of the address where they have none (SPEC.md, Delegated plugins (IPAM))',
    proves: ['Delegation.ADD', 'Result.routes', 'Route.dst', 'Route.gw'],
    needs: [delegatesIpam, since('0.3.0')],
    async run(target) {
      await withStub(target, async (attachment, stub) => {
        stub.gives(target.newest, [address], { routes: [{ dst: '198.51.100.0/24' }, { dst: '203.0.113.0/24', gw: '10.89.5.9' }] });
        await attachment.add();
        const routes = await routesOfNamespace(attachment.host, attachment.netns);
        const gatewayOf = (dst: string): string | undefined => routes.find((route) => route.dst === dst)?.gateway;
        expectEqual(gatewayOf('198.51.100.0/24'), '10.89.5.1', 'gateway of the route that names none');
        expectEqual(gatewayOf('203.0.113.0/24'), '10.89.5.9', 'gateway of the route that names one');
      });
    },
  },
  {
    id: 'delegation.dns',
    group: 'delegation',
    clause: 'dns of the result is that of IPAM (SPEC.md of 0.4.0, Result: "should be the same output as was returned by the IPAM plugin")',
    proves: ['Delegation.ADD', 'Result.dns', 'Dns.nameservers'],
    needs: [delegatesIpam],
    async run(target) {
      await withStub(target, async (attachment, stub) => {
        const dns = { nameservers: ['192.0.2.54'], search: ['example.net'] };
        stub.gives(target.newest, [address], { dns });
        const result = await attachment.add();
        expectSame(result.dns?.nameservers, dns.nameservers, 'dns.nameservers');
        expectSame(result.dns?.search, dns.search, 'dns.search');
      });
    },
  },
  {
    id: 'delegation.path',
    group: 'delegation',
    clause: 'IPAM is looked for in the directories of CNI_PATH, in their order (SPEC.md, Parameters: "CNI_PATH")',
    proves: ['Delegation.ADD', 'Environment.CNI_PATH'],
    needs: [delegatesIpam],
    async run(target) {
      await withStub(target, async (attachment, stub) => {
        const empty = join(stub.directory, 'empty');
        mkdirSync(empty);
        const other = target.stub().stub;
        other.gives(target.newest, ['10.89.6.20/24']);
        await attachment.with({ path: ['/nowhere', empty, stub.directory, other.directory] }).add();
        expectEqual(stub.calls('ADD').length, 1, 'calls of the plugin in the first directory that has it');
        expectEqual(other.calls().length, 0, 'calls of the plugin in a later directory');
      });
    },
  },
  {
    id: 'delegation.link',
    group: 'delegation',
    clause: 'an executable in CNI_PATH may be a symbolic link (SPEC.md, Parameters: "CNI_PATH")',
    proves: ['Delegation.ADD', 'Environment.CNI_PATH'],
    needs: [delegatesIpam],
    async run(target) {
      await withStub(target, async (attachment, stub) => {
        const link = join(target.directory(), 'link');
        symlinkSync(stub.directory, link);
        await attachment.with({ path: [link] }).add();
      });
    },
  },
  {
    id: 'delegation.del',
    group: 'delegation',
    clause: passesOn('DEL'),
    proves: ['Delegation.DEL'],
    needs: [delegatesIpam],
    async run(target) {
      await withStub(target, async (attachment, stub) => {
        await attachment.add();
        await attachment.del();
        const call = present(stub.calls('DEL')[0], 'call of IPAM');
        expectEqual(call.env.CNI_CONTAINERID, attachment.parts.containerId, 'CNI_CONTAINERID of IPAM');
      });
    },
  },
  {
    id: 'delegation.del-without-netns',
    group: 'delegation',
    clause:
      'the plugin calls IPAM for DEL even if the network namespace no longer exists (SPEC.md, DEL: "the bridge plugin should delegate the DEL action")',
    proves: ['Delegation.DEL', 'Environment.CNI_NETNS'],
    needs: [delegatesIpam],
    async run(target) {
      await withStub(target, async (attachment, stub) => {
        await attachment.add();
        await attachment.host.removeNamespace(attachment.netns);
        await attachment.del();
        expectTrue(stub.calls('DEL').length > 0, 'IPAM was not called');
      });
    },
  },
  {
    id: 'delegation.check',
    group: 'delegation',
    clause: `${passesOn('CHECK')} and passes any error on`,
    proves: ['Delegation.CHECK', 'Delegation.failure'],
    needs: [delegatesIpam, since('0.4.0')],
    async run(target) {
      await withStub(target, async (attachment, stub) => {
        await attachment.add();
        await attachment.check();
        expectTrue(stub.calls('CHECK').length > 0, 'IPAM was not called');
        stub.fails('CHECK', stubError(target.newest));
        await attachment.refused('CHECK', {}, 'IPAM fails with code 11', 11);
      });
    },
  },
  {
    id: 'delegation.gc',
    group: 'delegation',
    clause: passesOn('GC'),
    proves: ['Delegation.GC'],
    needs: [delegatesIpam, version('1.1.0')],
    async run(target) {
      await withStub(target, async (attachment, stub) => {
        await attachment.add();
        await attachment.gc([attachment]);
        const call = present(stub.calls('GC')[0], 'call of IPAM');
        expectSame(
          call.stdin['cni.dev/valid-attachments'],
          [{ containerID: attachment.parts.containerId, ifname: attachment.ifName }],
          'cni.dev/valid-attachments of IPAM',
        );
      });
    },
  },
  {
    id: 'delegation.status',
    group: 'delegation',
    clause: `${passesOn('STATUS')}: where that is not available, the plugin is not (SPEC.md, STATUS)`,
    proves: ['Delegation.STATUS', 'ErrorCode.50'],
    needs: [delegatesIpam, version('1.1.0')],
    async run(target) {
      await withStub(target, async (attachment, stub) => {
        await attachment.call('STATUS');
        expectTrue(stub.calls('STATUS').length > 0, 'IPAM was not called');
        stub.fails('STATUS', stubError(target.newest, 50));
        await attachment.refused('STATUS', {}, 'IPAM is not available', 50);
      });
    },
  },
  {
    id: 'delegation.failure',
    group: 'delegation',
    clause: 'what IPAM fails with on ADD is passed on: its code and its message (SPEC.md, Section 4 and Error)',
    proves: ['Delegation.failure', 'ErrorCode.11'],
    needs: [delegatesIpam],
    async run(target) {
      await withStub(target, async (attachment, stub) => {
        stub.fails('ADD', stubError(target.newest));
        const { msg, details } = await attachment.refused('ADD', {}, 'IPAM fails with code 11', 11);
        expectTrue(`${msg} ${details ?? ''}`.includes(stubMessage), `the message of IPAM is lost: ${msg}`);
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
      await withUsedStub(target, async (attachment, stub, before) => {
        stub.fails('ADD', stubError(target.newest));
        await attachment.refused('ADD', {}, 'IPAM fails');
        await expectNoLink(attachment, 'failed ADD');
        expectState(await hostState(attachment.host), before, 'the failed ADD has changed the host');
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
        expectTrue(stub.calls('DEL').length > 0, 'the plugin has failed, and not called DEL of IPAM');
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
  {
    id: 'delegation.add-undone',
    group: 'delegation',
    clause: 'ADD, and DEL after it, leave the host as it was, whoever gives the addresses (SPEC.md, DEL)',
    proves: ['Delegation.ADD', 'Delegation.DEL'],
    needs: [delegatesIpam],
    async run(target) {
      await withUsedStub(target, async (attachment, _stub, before) => {
        await attachment.add();
        await attachment.del();
        expectState(await hostState(attachment.host), before, 'DEL has not made the host as it was before ADD');
      });
    },
  },
];
