import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PodSpec } from '@berth/api/objects';
import type { DNSConfig } from '@berth/sdk/cri';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makePod } from '../../testing/observed-pod.ts';
import { type DnsOptions, PodDns } from './pod-dns.ts';

let directory: string;
let resolvConf: string;
const host: DNSConfig = { servers: ['10.0.0.53'], searches: ['lan', 'example.org'], options: ['ndots:2', 'rotate'] };
const cluster: Partial<DnsOptions> = { clusterDNS: ['10.96.0.10'], clusterDomain: 'cluster.local' };
const inCluster: DNSConfig = {
  servers: ['10.96.0.10'],
  searches: ['default.svc.cluster.local', 'svc.cluster.local', 'cluster.local', 'lan', 'example.org'],
  options: ['ndots:5'],
};

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'berth-dns-'));
  resolvConf = join(directory, 'resolv.conf');
  writeFileSync(
    resolvConf,
    '# made by hand\nnameserver 10.0.0.53\nsearch old\nsearch lan example.org.\noptions ndots:2\noptions rotate ; why\n',
  );
});
afterAll(() => rmSync(directory, { recursive: true }));

function resolverOf(spec: Partial<PodSpec>, options: Partial<DnsOptions> = {}) {
  return new PodDns({ resolvConf, ...options }).resolverOf(makePod(spec));
}

describe("a pod's resolver", () => {
  it.each<[what: string, spec: Partial<PodSpec>, options: Partial<DnsOptions>, expected: DNSConfig]>([
    ['Default', { dnsPolicy: 'Default' }, cluster, host],
    ['ClusterFirst', {}, cluster, inCluster],
    ["ClusterFirst in the host's network", { hostNetwork: true }, cluster, host],
    ["ClusterFirstWithHostNet in the host's network", { hostNetwork: true, dnsPolicy: 'ClusterFirstWithHostNet' }, cluster, inCluster],
    ['ClusterFirst without a domain', {}, { clusterDNS: ['10.96.0.10'] }, { ...inCluster, searches: ['lan', 'example.org'] }],
    ['ClusterFirst without a cluster', {}, {}, host],
    ['Default without a resolv.conf', {}, { resolvConf: '' }, { servers: ['127.0.0.1'], searches: ['.'], options: [] }],
    ['None', { dnsPolicy: 'None', dnsConfig: { nameservers: ['1.1.1.1'] } }, cluster, { servers: ['1.1.1.1'], searches: [], options: [] }],
    [
      'Default with additions',
      { dnsPolicy: 'Default', dnsConfig: { searches: ['lan', 'more'], options: [{ name: 'ndots', value: '5' }, { name: 'trust-ad' }] } },
      {},
      { servers: ['10.0.0.53'], searches: ['lan', 'example.org', 'more'], options: ['ndots:5', 'rotate', 'trust-ad'] },
    ],
  ])('is by the policy %s', async (_what, spec, options, expected) => {
    expect(await resolverOf(spec, options)).toEqual({ config: expected, warnings: [] });
  });

  it('warns of a cluster without a name server', async () => {
    const { config, warnings } = await resolverOf({}, { clusterDomain: 'cluster.local' });
    expect([config, warnings]).toEqual([
      host,
      [{ reason: 'MissingClusterDNS', message: expect.stringContaining('Falling back to "Default"') }],
    ]);
  });

  it('is cut to what resolvers read, with an event', async () => {
    const searches = Array.from({ length: 31 }, (_, index) => `domain-${index}.example.org`);
    const { config, warnings } = await resolverOf({ dnsConfig: { nameservers: ['1.1.1.1', '1.1.1.2', '1.1.1.3'], searches } });
    expect([config.servers, config.searches.length]).toEqual([['10.0.0.53', '1.1.1.1', '1.1.1.2'], 32]);
    expect(warnings).toEqual([
      {
        reason: 'DNSConfigForming',
        message:
          'Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: 10.0.0.53 1.1.1.1 1.1.1.2',
      },
      {
        reason: 'DNSConfigForming',
        message: expect.stringMatching(/^Search Line limits were exceeded, .* the applied search line is: lan example.org domain-0/),
      },
    ]);
  });

  it('has at most 2048 characters of search domains, none of them longer than 253', async () => {
    const searches = Array.from({ length: 12 }, (_, index) => `${String(index).repeat(90).slice(0, 100)}.${'x'.repeat(100)}`);
    const { config } = await resolverOf({
      dnsPolicy: 'None',
      dnsConfig: { nameservers: ['1.1.1.1'], searches: ['y'.repeat(254), ...searches] },
    });
    expect(config.searches.join(' ').length).toBeLessThanOrEqual(2048);
    expect(config.searches[0]).toBe(searches[0]);
  });

  it('refuses a resolvConf that cannot be read', async () => {
    await expect(resolverOf({}, { resolvConf: join(directory, 'none') })).rejects.toThrow(
      /resolvConf .*none: .*let resolvConf name a file/,
    );
  });
});

describe("a pod's host name", () => {
  const dns = new PodDns(cluster);

  it('is below svc where there is no cluster domain', () => {
    expect(new PodDns().hostnameOf(makePod({ subdomain: 'sub' })).domain).toBe('sub.default.svc');
  });

  it.each<[what: string, spec: Partial<PodSpec>, kernel: string, hostname: string, domain: string]>([
    ['its own name', {}, 'pod', 'pod', ''],
    ['spec.hostname', { hostname: 'web' }, 'web', 'web', ''],
    ['63 characters of its name, without a final dot', { hostname: `${'a'.repeat(62)}.b` }, 'a'.repeat(62), 'a'.repeat(62), ''],
    ['below its subdomain', { subdomain: 'sub' }, 'pod', 'pod', 'sub.default.svc.cluster.local'],
    [
      'whole with setHostnameAsFQDN',
      { subdomain: 'sub', setHostnameAsFQDN: true },
      'pod.sub.default.svc.cluster.local',
      'pod',
      'sub.default.svc.cluster.local',
    ],
    ['the short one with setHostnameAsFQDN and no subdomain', { setHostnameAsFQDN: true }, 'pod', 'pod', ''],
    [
      'hostnameOverride, whatever else it says',
      { hostnameOverride: 'other.example', subdomain: 'sub' },
      'other.example',
      'other.example',
      '',
    ],
    ["the host's in the host's network", { hostNetwork: true }, '', 'pod', ''],
  ])('is %s', (_what, spec, kernel, hostname, domain) => {
    const pod = makePod(spec);
    expect([dns.kernelHostnameOf(pod), dns.hostnameOf(pod)]).toEqual([kernel, { hostname, domain }]);
  });

  it('is refused where it is too long for the kernel', () => {
    const pod = makePod({ hostname: 'h'.repeat(60), subdomain: 'sub', setHostnameAsFQDN: true });
    expect(() => dns.kernelHostnameOf(pod)).toThrow(/is too long \(64 characters is the max, 90 characters requested\)/);
  });
});
