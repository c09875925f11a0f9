import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readMachineFacts } from '../machine/machine-facts.ts';
import { defaultNodeResources, NodeResources } from '../machine/node-resources.ts';
import { kubeletOptions } from './configured-options.ts';
import { type KubeletConfiguration, kubeletConfigurationFields } from './kubelet-configuration.ts';
import { readKubeletConfiguration } from './read-configuration.ts';
import { fieldSupport } from './support.ts';

const head = 'apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'berth-configuration-'));
});

afterEach(() => rmSync(directory, { recursive: true }));

function write(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, head + text);
  return path;
}

const read = (text: string) => readKubeletConfiguration({ file: write('kubelet.yaml', text) });

function refusal(text: string): string {
  try {
    read(text);
  } catch (thrown) {
    return (thrown as Error).message;
  }
  throw new Error('it was read');
}

describe('reservedSystemCPUs takes the place of what is said of cpu in systemReserved and kubeReserved', () => {
  const machine = { ...readMachineFacts(), cpus: 4 };
  const allocatable = (configuration: KubeletConfiguration) =>
    new NodeResources(machine, '/', { ...defaultNodeResources, ...kubeletOptions(configuration).resources }).allocatable().get('cpu');

  it.each([
    ['alone', "reservedSystemCPUs: '0'\n", 3000n, { cpu: '1' }, {}],
    ['with a range', 'reservedSystemCPUs: 0,2-3\n', 1000n, { cpu: '3' }, {}],
    [
      'with reservations',
      "reservedSystemCPUs: '0'\nsystemReserved: {cpu: 500m, memory: 1Gi}\nkubeReserved: {cpu: '2', memory: 1Gi}\n",
      3000n,
      { cpu: '1', memory: '1Gi' },
      { memory: '1Gi' },
    ],
    ['not where none is named', 'systemReserved: {cpu: 500m}\nkubeReserved: {cpu: 500m}\n', 3000n, { cpu: '500m' }, { cpu: '500m' }],
  ])('%s', (_what, text, cpu, systemReserved, kubeReserved) => {
    const configuration = read(text);
    expect([configuration.systemReserved, configuration.kubeReserved]).toEqual([systemReserved, kubeReserved]);
    expect(allocatable(configuration)).toBe(cpu);
  });
});

it('says of every field what becomes of it', () => {
  expect(Object.keys(fieldSupport)).toEqual(Object.keys(kubeletConfigurationFields));
});

describe('a path that cannot be read is told with its option, cause and cure', () => {
  it.each([
    ['--config', '/nowhere', 'kubelet configuration /nowhere: there is no such file or directory; make it, or correct the path'],
    ['--config', '/proc', 'kubelet configuration /proc: it is a directory; name a file'],
    ['--config-dir', '/nowhere', 'drop-in directory /nowhere: there is no such file or directory; make it, or correct the path'],
    ['--config-dir', '/proc/self/stat', 'drop-in directory /proc/self/stat: it, or a part of its path, is no directory; correct the path'],
  ])('%s %s', (option, path, message) => {
    expect(() => readKubeletConfiguration(option === '--config' ? { file: path } : { directory: path })).toThrow(message);
  });
});

describe('defaults', () => {
  it.each([
    ['syncFrequency', '1m0s'],
    ['fileCheckFrequency', '20s'],
    ['httpCheckFrequency', '20s'],
    ['runtimeRequestTimeout', '2m0s'],
    ['port', 10250],
    ['readOnlyPort', 0],
    ['healthzPort', 10248],
    ['maxPods', 110],
    ['registryPullQPS', 5],
    ['registryBurst', 10],
    ['podPidsLimit', -1],
    ['containerLogMaxSize', '10Mi'],
    ['oomScoreAdj', -999],
    ['evictionPressureTransitionPeriod', '5m0s'],
    ['imageGCHighThresholdPercent', 85],
    ['nodeLeaseDurationSeconds', 40],
    ['enforceNodeAllocatable', ['pods']],
    ['serializeImagePulls', true],
    ['failCgroupV1', true],
    ['crashLoopBackOff', { maxContainerRestartPeriod: '5m0s' }],
    ['nodeStatusReportFrequency', '5m0s'],
    ['authorization', { mode: 'AlwaysAllow', webhook: { cacheAuthorizedTTL: '5m0s', cacheUnauthorizedTTL: '30s' } }],
  ] as const)('%s is %j', (field, value) => {
    expect(read('')[field]).toEqual(value);
    expect(readKubeletConfiguration({})[field]).toEqual(value);
  });

  it('take the place of zero where Go could not tell it from none', () => {
    expect(read('syncFrequency: 0s\nmaxPods: 0\nstaticPodPath: ""\n')).toMatchObject({ syncFrequency: '1m0s', maxPods: 110 });
  });

  it('of the hard thresholds go once one is given', () => {
    expect(read('').evictionHard).toHaveProperty('nodefs.inodesFree', '5%');
  });

  it('of the report follow the frequency of updates', () => {
    expect(read('nodeStatusUpdateFrequency: 30s\n').nodeStatusReportFrequency).toBe('30s');
  });
});

describe('values', () => {
  it('JSON is read as YAML is', () => {
    const path = join(directory, 'kubelet.json');
    writeFileSync(
      path,
      JSON.stringify({ apiVersion: 'kubelet.config.k8s.io/v1beta1', kind: 'KubeletConfiguration', syncFrequency: '90s' }),
    );
    expect(readKubeletConfiguration({ file: path }).syncFrequency).toBe('1m30s');
  });

  it('who is let in may do all where that is said, and nobody asks for rights where nobody is', () => {
    const access = read('authentication: {x509: {clientCAFile: ca.crt}}\nauthorization: {mode: AlwaysAllow}\n');
    expect(access.authentication).toMatchObject({ x509: { clientCAFile: join(directory, 'ca.crt') }, webhook: { enabled: false } });
    expect(read('enableServer: false\nauthentication: {anonymous: {enabled: true}}\n').authorization.mode).toBe('AlwaysAllow');
  });

  it('paths start from the file', () => {
    expect(read('staticPodPath: manifests\n').staticPodPath).toBe(join(directory, 'manifests'));
  });
});

describe('refusals name file, line, field and cure', () => {
  it.each([
    ['an unknown field', 'syncFrequencyy: 1m\n', /kubelet\.yaml:3: syncFrequencyy: Unknown field/],
    ['a field in other letters', 'staticpodpath: /a\n', /kubelet\.yaml:3: staticpodpath: Unknown field; it is written staticPodPath/],
    ['an unknown field of a field', 'authentication:\n  anonymos: {}\n', /kubelet\.yaml:4: authentication\.anonymos: Unknown field/],
    ['no duration', 'syncFrequency: 1d\n', /kubelet\.yaml:3: syncFrequency: "1d" is no duration; write it like 20s/],
    ['a number for a duration', 'syncFrequency: 60\n', /:3: syncFrequency: must be a duration/],
    ['a percentage beyond 100', 'evictionHard: {memory.available: 101%}\n', /:3: evictionHard.*: "101%" has to be between 0% and 100%/],
    ['an unknown signal', 'evictionHard: {memory.free: 10%}\n', /:3: evictionHard\[memory\.free\]: unknown signal/],
    [
      'a soft threshold without its grace period',
      'evictionSoft: {memory.available: 10%}\n',
      /needs a grace period in evictionSoftGracePeriod/,
    ],
    ['no quantity', 'systemReserved: {cpu: lots}\n', /:3: systemReserved\.cpu: "lots" is no quantity/],
    [
      'a URL of another kind',
      'staticPodURL: ftp://host/pods\n',
      /:3: staticPodURL: has to be a URL that begins with http:\/\/ or https:\/\//,
    ],
    ['no URL', 'staticPodURL: /pods\n', /:3: staticPodURL: has to be a URL that begins with http:\/\/ or https:\/\//],
    ['no address', 'clusterDNS: [here]\n', /:3: clusterDNS\[0\]: must be an IP address/],
    ['no CIDR', 'podCIDR: 10.0.0.0\n', /:3: podCIDR: has to be one or two CIDRs/],
    ['a number out of range', 'oomScoreAdj: 1001\n', /:3: oomScoreAdj: 1001 has to be between -1000 and 1000/],
    ['thresholds the wrong way round', 'imageGCLowThresholdPercent: 90\n', /:3: imageGCLowThresholdPercent: 90 has to be less than .*85/],
    ['more for critical pods than for all', 'shutdownGracePeriodCriticalPods: 10s\n', /may be no longer than shutdownGracePeriod/],
    [
      'shutdown by two rules',
      'shutdownGracePeriod: 10s\nshutdownGracePeriodByPodPriority: [{priority: 0, shutdownGracePeriodSeconds: 5}]\n',
      /:4: shutdownGracePeriodByPodPriority: may not be given together/,
    ],
    ['a range of CPUs that runs backwards', 'reservedSystemCPUs: 3-1\n', /:3: reservedSystemCPUs: has to be a list of CPUs: 0-3,8/],
    ['an unknown feature gate', 'featureGates: {Flying: true}\n', /:3: featureGates\.Flying: unknown feature gate/],
    ['a gate that is shut here', 'featureGates: {MemoryQoS: true}\n', /:3: featureGates\.MemoryQoS: this node doesn't have memory\.min/],
    ['runOnce', 'runOnce: true\n', /:3: runOnce: refused: kubelet refuses it too; .*leave it out, or give false/],
    ['what is not there', 'kernelMemcgNotification: true\n', /:3: kernelMemcgNotification: refused: memory is looked at every 10 s/],
    [
      'a default that is not in force',
      'imagePullCredentialsVerificationPolicy: NeverVerifyPreloadedImages\n',
      /refused: an image that is present is there for every pod of the node; leave it out, or give "NeverVerify"/,
    ],
    ['metrics of any version', 'showHiddenMetricsForVersion: "1.20"\n', /:3: showHiddenMetricsForVersion: has to be "1\.35"/],
    [
      'tokens without an API server',
      'authentication:\n  webhook: {enabled: true}\n',
      /:4: authentication\.webhook\.enabled: refused: .*bearer tokens.*; leave it out, or give false/,
    ],
    [
      'rights without an API server',
      'authorization: {mode: Webhook}\n',
      /:3: authorization\.mode: refused: Webhook is about .*give AlwaysAllow/,
    ],
    [
      'to let clients in without saying that they may do all',
      'authentication: {x509: {clientCAFile: ca.crt}}\n',
      /authorization\.mode: refused: Webhook, the default, .*give AlwaysAllow/,
    ],
    [
      'to let anybody in without saying so',
      'authentication: {anonymous: {enabled: true}}\n',
      /authorization\.mode: refused: Webhook, the default,/,
    ],
    ['a field given twice', 'maxPods: 1\nmaxPods: 2\n', /:4:1: Duplicate key "maxPods"/],
    ['no YAML', 'a: [\n', /kubelet\.yaml:\d+:\d+: /],
  ])('%s', (_name, text, pattern) => {
    expect(refusal(text)).toMatch(pattern);
  });

  it('another kind', () => {
    const path = join(directory, 'a.yaml');
    writeFileSync(path, 'apiVersion: v1\nkind: Pod\n');
    expect(() => readKubeletConfiguration({ file: path })).toThrow(/a\.yaml:2: kind: /);
  });

  it('every problem at once', () => {
    expect(refusal('oomScoreAdj: 2000\nhairpinMode: up\n').split('\n')).toHaveLength(2);
  });

  it('a file that is not there', () => {
    expect(() => readKubeletConfiguration({ file: join(directory, 'none.yaml') })).toThrow(/none\.yaml/);
  });
});

describe('drop-ins', () => {
  beforeEach(() => mkdirSync(join(directory, 'd/sub'), { recursive: true }));

  const withDropIns = (text: string) => readKubeletConfiguration({ file: write('kubelet.yaml', text), directory: join(directory, 'd') });

  it('are merged in lexical order, maps by field and lists whole', () => {
    write('d/20-b.conf', 'staticPodURLHeader: {a: [two]}\n');
    write('d/10-a.conf', 'syncFrequency: 2m\nstaticPodURLHeader: {a: [one], b: [x]}\n');
    write('d/sub/30-c.conf', 'fileCheckFrequency: 3s\n');
    write('d/40-left-out.yaml', 'syncFrequency: 9m\n');
    expect(withDropIns('syncFrequency: 1s\nhttpCheckFrequency: 7s\n')).toMatchObject({
      syncFrequency: '2m0s',
      httpCheckFrequency: '7s',
      fileCheckFrequency: '3s',
      staticPodURLHeader: { a: ['two'], b: ['x'] },
    });
  });

  it('need kind and version as the file does', () => {
    writeFileSync(join(directory, 'd/10.conf'), 'syncFrequency: 2m\n');
    expect(() => withDropIns('')).toThrow(/10\.conf:1: apiVersion: /);
  });

  it('are named where what they say is wrong', () => {
    write('d/10.conf', '\nimageGCLowThresholdPercent: 95\n');
    expect(() => withDropIns('imageGCLowThresholdPercent: 10\n')).toThrow(/10\.conf:4: imageGCLowThresholdPercent: 95/);
  });
});
