import { expect, it } from 'vitest';
import { hostNetworkHostsFile, podHostsFile } from './hosts-file.ts';

const aliases = [
  { ip: '127.0.0.1', hostnames: ['foo.local', 'bar.local'] },
  { ip: '10.1.2.3', hostnames: ['foo.remote'] },
];

it("a pod's hosts file has its name at each address, and its aliases", () => {
  expect(podHostsFile(['10.200.0.5', 'fd00::5'], { hostname: 'web', domain: 'sub.ns.svc.cluster.local' }, aliases)).toBe(
    `# Kubernetes-managed hosts file.
127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::0\tip6-localnet
fe00::0\tip6-mcastprefix
fe00::1\tip6-allnodes
fe00::2\tip6-allrouters
10.200.0.5\tweb.sub.ns.svc.cluster.local\tweb
fd00::5\tweb.sub.ns.svc.cluster.local\tweb

# Entries added by HostAliases.
127.0.0.1\tfoo.local\tbar.local
10.1.2.3\tfoo.remote
`,
  );
});

it('without a domain it has the short name alone', () => {
  expect(podHostsFile(['10.0.0.5'], { hostname: 'web', domain: '' })).toMatch(/\n10\.0\.0\.5\tweb\n$/);
});

it("in the host's network it is the host's, then the aliases", () => {
  expect(hostNetworkHostsFile('127.0.0.1 localhost\n')).toBe('# Kubernetes-managed hosts file (host network).\n127.0.0.1 localhost\n');
  expect(hostNetworkHostsFile('127.0.0.1 localhost\n', aliases)).toMatch(
    /localhost\n\n# Entries added by HostAliases\.\n127\.0\.0\.1\tfoo/,
  );
});
