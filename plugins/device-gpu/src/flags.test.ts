import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { usageOf } from '@berth/sdk/command-line';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { commandLine, readCommandLine } from './flags.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'berth-gpu-flags-'));
});

afterEach(() => rmSync(directory, { recursive: true }));

function file(text: string): string {
  const path = join(directory, 'gpu.yaml');
  writeFileSync(path, text);
  return path;
}

const settingsOf = (...argv: string[]) => readCommandLine(argv).settings;

describe('settings', () => {
  it('have defaults', () => {
    expect(settingsOf()).toEqual({
      resourceName: 'nvidia.com/gpu',
      discovery: 'auto',
      deviceListStrategy: ['envvar'],
      deviceIdStrategy: 'uuid',
      migStrategy: 'none',
      replicas: 1,
      replicasPerResource: {},
      renameShared: false,
      failRequestsGreaterThanOne: false,
      sharingPolicy: 'distributed',
      driverFiles: true,
      cdiRoot: '/var/run/cdi',
      ignoredXids: [13, 31, 43, 45, 68, 109],
      recoverAfterSeconds: 300,
      intervalSeconds: 5,
      pluginDirectory: '/var/lib/kubelet/device-plugins',
    });
  });

  it('are given by flags', () => {
    expect(
      settingsOf(
        '--device-list-strategy=envvar,cdi-cri',
        '--ignored-xids',
        '13, 31',
        '--no-driver-files',
        '--replicas=4',
        '--interval-seconds=0.5',
      ),
    ).toMatchObject({
      deviceListStrategy: ['envvar', 'cdi-cri'],
      ignoredXids: [13, 31],
      driverFiles: false,
      replicas: 4,
      intervalSeconds: 0.5,
    });
  });

  it('are given by a file, before which flags go', () => {
    const path = file('migStrategy: mixed\nreplicas: 2\nreplicasPerResource: {nvidia.com/mig-1g.5gb: 3}\nignoredXids: [13]\n');
    expect(settingsOf(`--config=${path}`, '--replicas=8')).toMatchObject({
      migStrategy: 'mixed',
      replicas: 8,
      replicasPerResource: { 'nvidia.com/mig-1g.5gb': 3 },
      ignoredXids: [13],
    });
  });

  it('of an empty file are the defaults', () => expect(settingsOf(`--config=${file('')}`)).toEqual(settingsOf()));
});

describe('what is wrong is named', () => {
  it.each([
    [['--replicas=0'], /^flag --replicas: .*>=1/],
    [['--replicas=many'], /^flag --replicas: must be a number$/],
    [['--mig-strategy=some'], /^flag --mig-strategy: .*"none"\|"single"\|"mixed"/],
    [['--device-list-strategy=envvar,file'], /^flag --device-list-strategy: /],
    [['--resource-name=gpu'], /^flag --resource-name: must be the name of an extended resource, as nvidia.com\/gpu is$/],
    [['--plugin-directory=here'], /^flag --plugin-directory: must be an absolute path$/],
    [['--ignored-xids=13,x'], /^flag --ignored-xids: must be numbers, "," between them$/],
    [['--replicaz=1'], /^command line: Unknown option '--replicaz'; --help lists the flags$/],
    [['gpu'], /^command line: Unexpected argument 'gpu'/],
    [['--fixture=/tmp', '--discovery=nvml'], /^flag --fixture: has no NVML/],
    [['--config=/does/not/exist'], /^settings \/does\/not\/exist: there is no such file or directory/],
  ])('%j', (argv, message) => expect(() => readCommandLine(argv)).toThrow(message));

  it.each([
    ['migStrategy: mixed\nreplicas: none\n', /gpu\.yaml:2: replicas: /],
    ['migStrategy: mixed\n\nreplica: 1\n', /gpu\.yaml:3: replica: there is no such setting; remove it, or mend its name$/],
    ['replicasPerResource:\n  gpu: 1\n', /gpu\.yaml:2: replicasPerResource\.gpu: /],
    ['replicasPerResource:\n  nvidia.com/a: 1\n  nvidia.com/b: 0\n', /gpu\.yaml:3: replicasPerResource\[nvidia\.com\/b\]: /],
    ['ignoredXids: [13\n', /gpu\.yaml:\d: /],
    ['- 1\n', /gpu\.yaml:1: the document: /],
  ])('in a file: %j', (text, message) => expect(() => readCommandLine([`--config=${file(text)}`])).toThrow(message));
});

it('tells each flag in its help', () => {
  const flags = Object.keys(settingsOf()).filter((name) => name !== 'replicasPerResource');
  for (const flag of [...flags, 'migProfile', 'libraryDirectory', 'allowedUids', 'config', 'fixture', 'print']) {
    expect(usageOf(commandLine)).toContain(`  --${flag.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`);
  }
});
