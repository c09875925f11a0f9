import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readNodeConfiguration } from './node-configuration.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'berth-configuration-'));
});

afterEach(() => rmSync(directory, { recursive: true }));

const head = 'apiVersion: berth.dev/v1alpha1\nkind: NodeConfiguration\n';

function read(body: string) {
  const path = join(directory, 'berth.yaml');
  writeFileSync(path, body);
  return readNodeConfiguration(path);
}

describe('readNodeConfiguration', () => {
  it('has runc, vm, sentry and fake built in, runc as default', () => {
    const configuration = readNodeConfiguration();
    expect(configuration.runtimes.map((runtime) => runtime.handler)).toEqual(['runc', 'vm', 'sentry', 'fake']);
    expect(configuration.defaultHandler).toBe('runc');
    expect(configuration.runtimeRequestTimeoutMs).toBe(120_000);
  });

  it('takes the first runtime as default', () => {
    const configuration = read(`${head}runtimes: [{handler: a, endpoint: "unix:///a.sock"}, {handler: b, endpoint: "localhost:1"}]\n`);
    expect(configuration.defaultHandler).toBe('a');
  });

  it('has a RuntimeClass for each handler besides those of the file', () => {
    const { runtimeClasses } = read(
      `${head}runtimes: [{handler: a, endpoint: "unix:///a.sock"}, {handler: b, endpoint: "localhost:1"}]
runtimeClasses: [{name: b, handler: a, overhead: {podFixed: {cpu: 100m}}}, {name: sandboxed, handler: b, scheduling: {nodeSelector: {kvm: "1"}}}]\n`,
    );
    expect(runtimeClasses).toEqual([
      {
        apiVersion: 'node.k8s.io/v1',
        kind: 'RuntimeClass',
        metadata: { name: 'b' },
        handler: 'a',
        overhead: { podFixed: { cpu: '100m' } },
      },
      expect.objectContaining({ metadata: { name: 'sandboxed' }, handler: 'b', scheduling: { nodeSelector: { kvm: '1' } } }),
      { apiVersion: 'node.k8s.io/v1', kind: 'RuntimeClass', metadata: { name: 'a' }, handler: 'a' },
    ]);
  });

  it("takes the node's name as kubelet takes its own", () => {
    expect(read(`${head}nodeName: Worker-1\n`).nodeName).toBe('worker-1');
  });

  it('reads durations', () => {
    expect(read(`${head}runtimeRequestTimeout: 500ms\n`).runtimeRequestTimeoutMs).toBe(500);
  });

  it.each([
    ['an unknown field', 'runtime: []', /berth\.yaml: .*"runtime"/],
    ['a name that no node can have', 'nodeName: Bad_Host', /berth\.yaml: nodeName: "bad_host": a lowercase RFC 1123 subdomain must/],
    ['another kind', undefined, /berth\.yaml: apiVersion/],
    ['an endpoint that is none', 'runtimes: [{handler: a, endpoint: /a.sock}]', /runtimes\[0\]\.endpoint: must be unix/],
    ['a handler listed twice', 'runtimes: [{handler: a, command: [x]}, {handler: a, command: [y]}]', /handler a is listed twice/],
    [
      'a default that no runtime has',
      'defaultHandler: b\nruntimes: [{handler: a, command: [x]}]',
      /defaultHandler: no runtime has the handler b; use one of a/,
    ],
    ['a runtime without endpoint and command', 'runtimes: [{handler: a}]', /runtimes\[0\]: neither endpoint nor command/],
    [
      'a RuntimeClass of a handler that there is not',
      'runtimeClasses: [{name: c, handler: nope}]',
      /runtimeClasses\[0\]: no runtime has the handler nope; use one of runc, vm/,
    ],
    ['two RuntimeClasses of one name', 'runtimeClasses: [{name: c, handler: runc}, {name: c, handler: vm}]', /\[1\]: c is listed twice/],
    [
      'an overhead that is no amount',
      'runtimeClasses: [{name: c, handler: runc, overhead: {podFixed: {cpu: lots}}}]',
      /runtimeClasses\[0\]: overhead\.podFixed/,
    ],
    ['plugins for credentials without their directory', 'imageCredentialProviderConfig: /etc/p.yaml', /one of them is missing; give both/],
    ['a subnet with too long a prefix', 'cni: {subnet: 10.123.0.0/99}', /cni\.subnet: must be a CIDR/],
    ['a subnet with too large a number', 'cni: {subnet: 10.300.0.0/16}', /cni\.subnet: must be a CIDR/],
    ['a handler that is no DNS label', 'runtimes: [{handler: "a/b", command: [x]}]', /runtimes\[0\]\.handler: must be a DNS label/],
  ])('refuses %s by name', (_what, body, message) => {
    expect(() => read(body === undefined ? 'apiVersion: v1\nkind: Pod\n' : `${head}${body}\n`)).toThrow(message);
  });

  it('names a file that is not there', () => {
    expect(() => readNodeConfiguration('/nowhere/berth.yaml')).toThrow('/nowhere/berth.yaml');
  });

  it('names file and line of broken YAML', () => {
    expect(() => read(`${head}runtimes: [\n`)).toThrow(/berth\.yaml.*line/s);
  });
});
