import { describe, expect, it } from 'vitest';
import { judgedPlugin } from './judged-plugin.ts';

const notHere = process.platform !== 'linux' || process.getuid?.() !== 0 ? 'needs root on Linux' : undefined;

describe('judgedPlugin', () => {
  it.each([
    [{ plugin: '/no/such/plugin' }, 'CNI plugin /no/such/plugin: there is no such file; name the executable file of a CNI plugin'],
    [{ plugin: '/tmp' }, 'CNI plugin /tmp: it is no file'],
    [{ plugin: '/etc/passwd' }, 'CNI plugin /etc/passwd: it is not executable'],
    [{ plugin: '/bin/true' }, 'say --kind main|ipam|meta'],
    [{ plugin: '/bin/true', configFile: '/no/such/file' }, '/no/such/file: ENOENT'],
    [{ plugin: '/bin/true', configFile: '/etc/passwd' }, '/etc/passwd: '],
  ])('refuses %j', (options, message) => {
    expect(() => judgedPlugin(options)).toThrow(message);
  });

  it.skipIf(notHere)(`looks for itself and then in other directories${notHere ? ` (${notHere})` : ''}`, () => {
    expect(judgedPlugin({ plugin: '/bin/true', kind: 'main', path: ['/opt/cni/bin'] })).toMatchObject({
      plugin: '/bin/true',
      path: ['/bin', '/opt/cni/bin'],
      given: { before: [] },
    });
  });

  it.skipIf(notHere)(`names the tools that this host lacks${notHere ? ` (${notHere})` : ''}`, () => {
    const path = process.env.PATH;
    process.env.PATH = '/nonexistent';
    try {
      expect(() => judgedPlugin({ plugin: '/bin/true', kind: 'main' })).toThrow('not on PATH: unshare, nsenter, mount, ip, nft');
    } finally {
      process.env.PATH = path;
    }
  });
});
