import { describe, expect, it } from 'vitest';
import { parseFlags, usage } from './flags.ts';

describe('flags', () => {
  it.each([
    [['-etcd-prefix', '/x'], { 'etcd-prefix': '/x' }],
    [['--etcd-prefix=/x=y'], { 'etcd-prefix': '/x=y' }],
    [['-ip-masq', '-healthz-port=10'], { 'ip-masq': true, 'healthz-port': 10 }],
    [['-iptables-forward-rules=false'], { 'iptables-forward-rules': false }],
    [['-iface', 'eth1', '--iface=10.0.0.1', '-iface-regex', '^ens{1,2}'], { iface: ['eth1', '10.0.0.1'], 'iface-regex': ['^ens{1,2}'] }],
    [
      [],
      { 'etcd-prefix': '/coreos.com/network', 'subnet-file': '/run/flannel/subnet.env', 'subnet-lease-renew-margin': 60, 'ip-masq': false },
    ],
  ])('are read as flannel reads them: %j', (argv, expected) => {
    expect(parseFlags(argv, {})).toMatchObject(expected);
  });

  it('come from the environment where the command line lacks them', () => {
    const env = { FLANNELD_ETCD_PREFIX: '/env', FLANNELD_IP_MASQ: 'true', FLANNELD_IFACE: 'eth1', FLANNELD_PUBLIC_IP: '' };
    expect(parseFlags(['-etcd-prefix=/line'], env)).toMatchObject({
      ...{ 'etcd-prefix': '/line', 'ip-masq': true, iface: ['eth1'], 'public-ip': '' },
    });
  });

  it.each([
    [['x'], '"x": is no flag; write -NAME or -NAME=VALUE; -help lists the flags'],
    [['-nope'], 'flag -nope: is not one of flanneld'],
    [['-iface'], 'flag -iface: needs a value'],
    [['-ip-masq=maybe'], 'flag -ip-masq: must be true or false, and is "maybe"'],
    [['-healthz-port=x'], 'flag -healthz-port: must be a whole number, and is "x"'],
    [['-healthz-port=65536'], 'flag -healthz-port: must be from 0 to 65535, and is 65536'],
    [['-subnet-lease-renew-margin=1440'], 'flag -subnet-lease-renew-margin: must be from 1 to 1439, and is 1440'],
  ])('that are wrong are named: %j', (argv, message) => {
    expect(() => parseFlags(argv, {})).toThrow(message);
  });

  it('of the environment that are wrong are named by their variable', () => {
    expect(() => parseFlags([], { FLANNELD_IP_MASQ: 'maybe' })).toThrow('FLANNELD_IP_MASQ: must be true or false');
    expect(() => parseFlags([], { FLANNELD_HEALTHZ_PORT: '70000' })).toThrow(/^FLANNELD_HEALTHZ_PORT: must be from 0 to 65535/);
  });

  it('are all in the usage', () => {
    for (const name of Object.keys(parseFlags([], {}))) expect(usage()).toMatch(new RegExp(`^  -${name}( |$)`, 'm'));
  });
});
