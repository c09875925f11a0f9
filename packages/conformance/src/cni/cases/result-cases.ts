import { expectAllIn, expectEqual, expectMatch, expectSame, expectTrue, present } from '../../expect.ts';
import { type Case, SkipCase } from '../../suite.ts';
import { capability, delegatesIpam, kind, since, version } from '../needs.ts';
import { linkNames, linkOf } from '../network-state.ts';
import { addressesOf, type CniResult, expectShape, isAtLeast, specVersions } from '../results.ts';
import type { CniTarget } from '../target.ts';

const ofVersion = (cniVersion: string): Case<CniTarget> => ({
  id: `result.${cniVersion.replaceAll('.', '-')}`,
  group: 'result',
  clause: `the result of ADD has the shape of the version asked for, ${cniVersion} (SPEC.md of that version, ADD Success)`,
  proves: [
    'ADD',
    'Result.cniVersion',
    ...(isAtLeast(cniVersion, '0.3.0') ? ['Result.ips', 'Address.address', 'Address.version'] : ['Result.ip4', 'Result.ip6']),
  ],
  needs: [version(cniVersion)],
  async run(target) {
    if (target.kind === 'meta' && !isAtLeast(cniVersion, '0.3.0')) throw new SkipCase('chains of plugins came with version 0.3.0');
    await target.withAttachment(
      async (attachment) => {
        const result = await attachment.add();
        expectShape(result, cniVersion);
        if (target.givesAddresses) expectTrue(addressesOf(result).length > 0, 'the result has no address');
        await attachment.del();
      },
      { cniVersion },
    );
  },
});

export const resultCases: Case<CniTarget>[] = [
  ...specVersions.map(ofVersion),
  {
    id: 'result.interfaces',
    group: 'result',
    clause: 'interfaces lists the container interface with its sandbox, and those of the host without one (SPEC.md, ADD Success)',
    proves: ['Result.interfaces', 'Interface.name', 'Interface.sandbox'],
    needs: [kind('main'), since('0.3.0')],
    async run(target) {
      await target.withAttachment(async (attachment) => {
        const { interfaces = [] } = await attachment.add();
        const inside = interfaces.filter(({ sandbox }) => sandbox);
        expectSame(
          inside.map(({ name, sandbox }) => [name, sandbox]),
          [[attachment.ifName, attachment.netns]],
          'interfaces with a sandbox',
        );
        const onHost = await linkNames(attachment.host);
        const outside = interfaces.filter(({ sandbox }) => !sandbox).map(({ name }) => name);
        expectAllIn(outside, onHost, 'interfaces of the result that the host has not');
      });
    },
  },
  {
    id: 'result.mac',
    group: 'result',
    clause: 'mac is the hardware address of the interface (SPEC.md, ADD Success)',
    proves: ['Interface.mac'],
    needs: [kind('main'), since('0.3.0')],
    async run(target) {
      await target.withAttachment(async (attachment) => {
        const { mac } = own(await attachment.add(), attachment.ifName);
        const link = await linkOf(attachment);
        expectEqual(present(mac, 'mac of the container interface').toLowerCase(), link?.address, 'mac of the container interface');
      });
    },
  },
  {
    id: 'result.mtu',
    group: 'result',
    clause: 'mtu, where it is told, is that of the interface (SPEC.md 1.1.0, ADD Success)',
    proves: ['Interface.mtu'],
    needs: [kind('main'), version('1.1.0')],
    async run(target) {
      await target.withAttachment(async (attachment) => {
        const { mtu } = own(await attachment.add(), attachment.ifName);
        if (mtu === undefined) throw new SkipCase('the plugin does not tell the mtu, which is optional');
        expectEqual(mtu, (await linkOf(attachment))?.mtu, 'mtu of the container interface');
      });
    },
  },
  {
    id: 'result.address-interface',
    group: 'result',
    clause: 'interface of an address is the index of the container interface in interfaces (SPEC.md, ADD Success)',
    proves: ['Address.interface'],
    needs: [kind('main'), since('0.3.0')],
    async run(target) {
      await target.withAttachment(async (attachment) => {
        const { ips = [], interfaces = [] } = await attachment.add();
        for (const { address, interface: index } of ips) {
          expectTrue(index !== undefined, `address ${address} names no interface`);
          expectEqual(interfaces[index ?? -1]?.name, attachment.ifName, `interface of address ${address}`);
        }
      });
    },
  },
  {
    id: 'result.abbreviated',
    group: 'result',
    clause: 'the result of IPAM has no interfaces, and its addresses name none (SPEC.md, Delegated plugins (IPAM))',
    proves: ['Result.interfaces', 'Address.interface', 'Address.gateway'],
    needs: [kind('ipam'), since('0.3.0')],
    async run(target) {
      await target.withAttachment(async (attachment) => {
        const { interfaces = [], ips = [] } = await attachment.add();
        expectSame(interfaces, [], 'interfaces');
        expectSame(
          ips.filter((ip) => ip.interface !== undefined),
          [],
          'addresses that name an interface',
        );
      });
    },
  },
  {
    id: 'result.configured-routes',
    group: 'result',
    clause: 'routes of the ipam configuration come back as routes of the result (SPEC.md of 0.4.0, IP Allocation)',
    proves: ['Result.routes', 'Route.dst', 'Route.gw'],
    needs: [kind('ipam'), since('0.3.0')],
    async run(target) {
      const ipam = target.given.config.ipam as { routes?: unknown } | undefined;
      if (!Array.isArray(ipam?.routes)) throw new SkipCase('its configuration has no routes');
      const routes = [{ dst: '0.0.0.0/0' }, { dst: '198.51.100.0/24', gw: '10.89.0.9' }];
      await target.withAttachment(
        async (attachment) => {
          const result = await attachment.add();
          expectSame(
            result.routes?.map(({ dst, gw }) => ({ dst, gw })),
            routes,
            'routes',
          );
        },
        { config: { ...target.given.config, ipam: { ...ipam, routes } } },
      );
    },
  },
  {
    id: 'result.dns',
    group: 'result',
    clause: 'dns of the configuration comes back in the result (SPEC.md, Plugin configuration objects and ADD Success)',
    proves: ['Configuration.dns', 'Result.dns', 'Dns.nameservers', 'Dns.domain', 'Dns.search', 'Dns.options'],
    needs: [delegatesIpam, since('0.3.0')],
    async run(target) {
      const dns = { nameservers: ['192.0.2.53'], domain: 'example.org', search: ['a.example.org', 'b.example.org'], options: ['ndots:2'] };
      await target.withAttachment(async (attachment) => {
        const result = await attachment.add({ config: { dns } });
        for (const key of ['nameservers', 'domain', 'search', 'options'] as const) expectSame(result.dns?.[key], dns[key], `dns.${key}`);
      });
    },
  },
  {
    id: 'result.gateway',
    group: 'result',
    clause: 'gateway of an address is one in its subnet (SPEC.md, ADD Success)',
    proves: ['Address.gateway'],
    needs: [kind('ipam'), since('0.3.0')],
    async run(target) {
      await target.withAttachment(async (attachment) => {
        const { ips = [] } = await attachment.add();
        for (const { address, gateway } of ips) {
          expectMatch(present(gateway, 'gateway'), /^10\.89\.7\.\d+$/, `gateway of ${address}`);
          expectTrue(!address.startsWith(`${gateway}/`), `${address} is the gateway itself`);
        }
      }, target.narrowed(4));
    },
  },
  {
    id: 'result.requested-mac',
    group: 'result',
    clause: 'capability mac: the interface gets the requested hardware address (CONVENTIONS.md, Dynamic plugin-specific fields)',
    proves: ['Configuration.runtimeConfig', 'RuntimeConfig.mac', 'Interface.mac'],
    needs: [kind('main'), capability('mac')],
    async run(target) {
      const mac = '0a:58:0a:59:00:2a';
      await target.withAttachment(async (attachment) => {
        const result = await attachment.add({ config: { runtimeConfig: { mac } } });
        expectEqual((await linkOf(attachment))?.address, mac, 'hardware address');
        if (result.interfaces) expectEqual(own(result, attachment.ifName).mac, mac, 'mac of the result');
      });
    },
  },
  {
    id: 'result.requested-address',
    group: 'result',
    clause: 'capability ips: the container gets the requested address (CONVENTIONS.md, Dynamic plugin-specific fields)',
    proves: ['Configuration.runtimeConfig', 'RuntimeConfig.ips', 'Result.ips'],
    needs: [kind('main', 'ipam'), capability('ips')],
    async run(target) {
      await target.withAttachment(async (attachment) => {
        const result = await attachment.add({ config: { runtimeConfig: { ips: ['10.89.7.14'] } } });
        expectSame(addressesOf(result), ['10.89.7.14/24'], 'addresses');
      }, target.narrowed(9));
    },
  },
];

/** The container's interface of a result. */
function own({ interfaces = [] }: CniResult, ifName: string): NonNullable<CniResult['interfaces']>[number] {
  return present(
    interfaces.find(({ name, sandbox }) => name === ifName && sandbox),
    `interface ${ifName} of the result`,
  );
}
