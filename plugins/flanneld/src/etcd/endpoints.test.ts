import { describe, expect, it } from 'vitest';
import { parseEndpoints, readTls } from './endpoints.ts';

const none = { 'etcd-cafile': '', 'etcd-certfile': '', 'etcd-keyfile': '' };

describe('the endpoints of etcd', () => {
  it('are addresses with or without TLS', () => {
    expect(parseEndpoints('http://10.0.0.1:2379, https://etcd.example,[fd00::1]:4001', none)).toEqual([
      { address: '10.0.0.1:2379', secure: false },
      { address: 'etcd.example:2379', secure: true },
      { address: '[fd00::1]:4001', secure: false },
    ]);
  });

  it('speak TLS where files for it are given and they say nothing else', () => {
    const files = { ...none, 'etcd-cafile': '/ca.pem' };
    expect(parseEndpoints('10.0.0.1:2379,http://10.0.0.2:2379', files).map(({ secure }) => secure)).toEqual([true, false]);
  });

  it.each(['', 'ftp://x', 'http://a:b', 'http://a/path', 'unix:///x'])('%j is refused', (text) => {
    expect(() => parseEndpoints(text, none)).toThrow(`flag -etcd-endpoints: ${JSON.stringify(text)}: is no endpoint of etcd`);
  });

  it('want a certificate with its key, and files that are there', () => {
    expect(() => readTls({ ...none, 'etcd-certfile': '/cert.pem' })).toThrow('flags -etcd-certfile and -etcd-keyfile');
    expect(() => readTls({ ...none, 'etcd-cafile': '/nowhere/ca.pem' })).toThrow('flag -etcd-cafile: ENOENT');
    expect(readTls(none)).toEqual({});
  });
});
