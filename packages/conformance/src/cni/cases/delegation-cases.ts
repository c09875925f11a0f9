import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expectEqual, expectSame } from '../../expect.ts';
import type { Case } from '../../suite.ts';
import { delegatesIpam, since, version } from '../needs.ts';
import { expectOnLink, expectUndone, routesOfNamespace } from '../network-state.ts';
import { addressesOf } from '../results.ts';
import { expectFailurePassedOn, stubbedAddress, withStub, withUsedStub } from '../stubbed-ipam.ts';
import type { CniTarget } from '../target.ts';
import { delegationFailureCases } from './delegation-failure-cases.ts';

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
        const told = stub.expectCalled('ADD').stdin;
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
        expectSame(addressesOf(result), [stubbedAddress], 'addresses of the result');
        if (result.ips?.[0]?.gateway !== undefined) expectEqual(result.ips[0].gateway, '10.89.5.1', 'gateway of the result');
        await expectOnLink(attachment, [stubbedAddress]);
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
        const both = [stubbedAddress, 'fd00:89::20/64'];
        stub.gives(target.newest, both);
        expectSame(addressesOf(await attachment.add()), both, 'addresses of the result');
        await expectOnLink(attachment, both);
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
        stub.gives(target.newest, [stubbedAddress], { routes: [{ dst: '198.51.100.0/24' }, { dst: '203.0.113.0/24', gw: '10.89.5.9' }] });
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
        stub.gives(target.newest, [stubbedAddress], { dns });
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
        const call = stub.expectCalled('DEL');
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
        stub.expectCalled('DEL');
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
        stub.expectCalled('CHECK');
        await expectFailurePassedOn(attachment, stub, 'CHECK', 11);
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
        const call = stub.expectCalled('GC');
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
        await attachment.status();
        stub.expectCalled('STATUS');
        await expectFailurePassedOn(attachment, stub, 'STATUS', 50);
      });
    },
  },
  ...delegationFailureCases,
  {
    id: 'delegation.add-undone',
    group: 'delegation',
    clause: 'ADD, and DEL after it, leave the host as it was, whoever gives the addresses (SPEC.md, DEL)',
    proves: ['Delegation.ADD', 'Delegation.DEL'],
    needs: [delegatesIpam],
    async run(target) {
      await withUsedStub(target, (attachment) => expectUndone(attachment));
    },
  },
];
