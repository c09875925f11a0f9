import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Node, Pod } from '@berth/api/objects';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ManifestBinder } from './manifest-binder.ts';
import { podsInDirectory, readBindings } from './running-pods.ts';

const signal = new AbortController().signal;
const pod: Pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p1', namespace: 'default', labels: { app: 'web' } },
  spec: { containers: [{ name: 'c', image: 'a:1' }] },
};
const info = { uid: 'default/p1', pod, requests: new Map() };

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'berth-manifest-binder-'));
});

afterEach(() => rmSync(directory, { recursive: true }));

describe('ManifestBinder', () => {
  it('writes the manifest, bound to its node, where the node reads it', async () => {
    await new ManifestBinder(new Map([['n1', directory]])).bind(info, 'n1', signal);
    expect(readdirSync(directory)).toEqual(['default_p1.yaml']);
    expect(await podsInDirectory(directory, 'n1')).toMatchObject([
      { metadata: { name: 'p1', labels: { app: 'web' } }, spec: { nodeName: 'n1', containers: [{ image: 'a:1' }] } },
    ]);
  });

  it('says which node has no directory, and leaves nothing where it cannot write', async () => {
    const binder = new ManifestBinder(new Map([['n1', join(directory, 'gone')]]));
    await expect(binder.bind(info, 'n2', signal)).rejects.toThrow('node n2: it has no manifest directory; give --bind n2=DIR');
    await expect(binder.bind(info, 'n1', signal)).rejects.toMatchObject({ code: 'NOT_FOUND', message: expect.stringContaining('gone') });
    mkdirSync(join(directory, 'default_p1.yaml'));
    await expect(new ManifestBinder(new Map([['n1', directory]])).bind(info, 'n1', signal)).rejects.toThrow(directory);
    expect(readdirSync(directory)).toEqual(['default_p1.yaml']);
  });
});

describe('podsInDirectory', () => {
  it('refuses a directory that it cannot read as a whole: what runs there is not known then', async () => {
    writeFileSync(join(directory, 'broken.yaml'), 'kind: [');
    await expect(podsInDirectory(directory, 'n1')).rejects.toThrow(/broken\.yaml:.*; mend or remove what the node n1 can't read/s);
  });
});

describe('readBindings', () => {
  const nodes: Node[] = [{ apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1' } }];

  it('reads a directory for each node', async () => {
    expect(await readBindings([`n1=${directory}`], nodes)).toEqual(new Map([['n1', directory]]));
  });

  it.each([
    [['n1'], /--bind n1: it is no NODE=DIR/],
    [['n2=/tmp'], /--bind n2=\/tmp: there is no node n2/],
    [['n1=/nowhere'], /--bind n1=\/nowhere: \/nowhere is no directory/],
    [['n1=/tmp', 'n1=/var'], /--bind n1=\/var: node n1 has a directory already/],
  ])('refuses %j', async (given, message) => {
    await expect(readBindings(given, nodes)).rejects.toThrow(message);
  });
});
