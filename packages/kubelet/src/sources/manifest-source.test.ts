import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ManifestSource, type ManifestSourceOptions } from './manifest-source.ts';
import { notFound } from './object-source.ts';
import type { SourceUpdate } from './pod-source.ts';

const good = (name: string, image = 'a:1') =>
  `apiVersion: v1\nkind: Pod\nmetadata: {name: ${name}}\nspec:\n  containers:\n  - {name: main, image: "${image}"}\n`;

let directory: string;
let ended: AbortController;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'berth-source-'));
  await mkdir(join(directory, 'm'));
  ended = new AbortController();
});

afterEach(async () => {
  ended.abort();
  await rm(directory, { recursive: true, force: true });
});

function updates(options: Partial<ManifestSourceOptions> = {}): AsyncIterator<SourceUpdate> {
  const source = new ManifestSource({ paths: [join(directory, 'm')], nodeName: 'node', rescanMs: 200, ...options });
  return source.updates(ended.signal)[Symbol.asyncIterator]();
}

async function next(iterator: AsyncIterator<SourceUpdate>): Promise<SourceUpdate> {
  const { value } = await iterator.next();
  return value as SourceUpdate;
}

const write = (name: string, text: string) => writeFile(join(directory, 'm', name), text);
/** Whole, so that no reader finds it half written. */
async function replace(file: string, text: string): Promise<void> {
  const whole = join(directory, 'whole');
  await writeFile(whole, text);
  await rename(whole, file);
}

const namesOf = ({ pods }: SourceUpdate) => pods.map((pod) => pod.metadata?.name);

it('an empty directory is an update too', async () => {
  expect(await next(updates())).toEqual({ pods: [], problems: [] });
});

it('pods come defaulted, with namespace, uid, node and times', async () => {
  await write('a.yaml', good('a'));
  const [pod] = (await next(updates())).pods;
  expect(pod).toMatchObject({
    metadata: {
      name: 'a',
      namespace: 'default',
      uid: expect.stringMatching(/^[0-9a-f]{32}$/),
      annotations: { 'kubernetes.io/config.source': 'file', 'kubernetes.io/config.seen': expect.any(String) },
    },
    spec: { nodeName: 'node', restartPolicy: 'Always', containers: [{ imagePullPolicy: 'IfNotPresent' }] },
  });
});

describe('what is no manifest by its kind or size is told, not read, and the other files count', () => {
  const made: Record<string, (path: string) => Promise<void>> = {
    'a link to a device': (path) => symlink('/dev/zero', path),
    'a pipe': async (path) => void execFileSync('mkfifo', [path]),
    'a link to a pipe': async (path) => {
      execFileSync('mkfifo', [join(directory, 'pipe')]);
      await symlink(join(directory, 'pipe'), path);
    },
  };
  const noFile = /b\.yaml: it is no regular file; put one in its place, or remove it$/;

  it.each(Object.keys(made))('%s', async (kind) => {
    await write('a.yaml', good('a'));
    await made[kind]?.(join(directory, 'm/b.yaml'));
    const update = await next(updates());
    expect([namesOf(update), update.problems]).toEqual([['a'], [expect.stringMatching(noFile)]]);
  });

  it.each(Object.keys(made))('%s that is named itself', async (kind) => {
    const path = join(directory, 'b.yaml');
    await made[kind]?.(path);
    expect(await next(updates({ paths: [path] }))).toEqual({ pods: [], problems: [expect.stringMatching(noFile)] });
  });

  it.each(Object.keys(made))('%s among the objects', async (kind) => {
    await mkdir(join(directory, 'o'));
    await made[kind]?.(join(directory, 'o/b.yaml'));
    const update = await next(updates({ objectPaths: [join(directory, 'o')] }));
    expect(update.problems).toEqual([expect.stringMatching(noFile)]);
  });

  it('a file of more than 10 MiB; one of just that is read', async () => {
    await write('a.yaml', `${good('a')}#`.padEnd(10 * 1024 * 1024, '-'));
    await write('b.yaml', `${good('b')}#`.padEnd(10 * 1024 * 1024 + 1, '-'));
    const update = await next(updates());
    expect([namesOf(update), update.problems]).toEqual([
      ['a'],
      [expect.stringMatching(/b\.yaml: it is longer than 10485760 bytes; spread what it holds over several files, or remove it$/)],
    ]);
  });
});

it('the same file gives the same uid, a changed one another', async () => {
  await write('a.yaml', good('a'));
  const uidOf = async () => (await next(updates())).pods[0]?.metadata?.uid;
  const [first, second] = [await uidOf(), await uidOf()];
  await write('a.yaml', good('a', 'a:2'));
  expect([second === first, (await uidOf()) === first]).toEqual([true, false]);
});

it('a uid, a status and a creationTimestamp that the file says are those of another pod', async () => {
  const got = (image: string) =>
    `${good('a', image).replace('{name: a}', '{name: a, uid: fixed, creationTimestamp: 2020-01-01T00:00:00Z}')}status: {phase: Succeeded}\n`;
  const read = async () => (await next(updates())).pods;
  await write('a.yaml', got('a:1'));
  const [first] = await read();
  await write('a.yaml', got('a:2'));
  await write('b.yaml', got('a:2').replace('name: a,', 'name: b,'));
  const uids = [first, ...(await read())].map((pod) => pod?.metadata?.uid);
  expect(new Set([...uids, 'fixed']).size).toBe(4);
  expect(first).not.toHaveProperty('status');
  expect(first?.metadata).not.toHaveProperty('creationTimestamp');
});

it('random uids differ with each reading', async () => {
  await write('a.yaml', good('a'));
  const uidOf = async () => (await next(updates({ uids: 'random' }))).pods[0]?.metadata?.uid;
  expect(await uidOf()).not.toBe(await uidOf());
});

it('a file that comes, changes and goes is noticed', async () => {
  const iterator = updates();
  await next(iterator);
  await write('a.yaml', good('a'));
  expect(namesOf(await next(iterator))).toEqual(['a']);
  await rm(join(directory, 'm/a.yaml'));
  expect(namesOf(await next(iterator))).toEqual([]);
});

it('a broken file is told with file, line and field, and the others go on', async () => {
  await write('a.yaml', good('a'));
  await write('b.yaml', good('b').replace('image', 'imagee'));
  const update = await next(updates());
  expect(namesOf(update)).toEqual(['a']);
  expect(update.problems.join('\n')).toMatch(/b\.yaml:6: spec\.containers\[0\]\.imagee: /);
});

it('a file that breaks keeps the pods that it held', async () => {
  await write('a.yaml', good('a'));
  const iterator = updates();
  const before = await next(iterator);
  await write('a.yaml', 'apiVersion: v1\nkind: Pod\nmetadata: {');
  const after = await next(iterator);
  expect(after.pods).toEqual(before.pods);
  expect(after.problems[0]).toMatch(/a\.yaml:\d+:.*; correct the file: what else it holds, or held before, goes on$/);
});

it('a problem that a changed file still has is told as gone, and again', async () => {
  const broken = good('a').replace('main', 'Main');
  await write('a.yaml', broken);
  await write('b.yaml', 'kind: {');
  const iterator = updates();
  const [ofA, ofB] = (await next(iterator)).problems;
  await replace(join(directory, 'm/a.yaml'), `${broken}# mended?\n`);
  expect((await next(iterator)).problems).toEqual([ofB]);
  expect((await next(iterator)).problems).toEqual([ofA, ofB]);
});

it('an invalid pod is told by its field', async () => {
  await write('a.yaml', good('a').replace('main', 'Main'));
  const { pods, problems } = await next(updates());
  expect([pods, problems[0]]).toEqual([[], expect.stringMatching(/a\.yaml:6: spec\.containers\[0\]\.name: Invalid value: "Main"/)]);
});

it.each<[priorityClassName: string, own: string, priority: number | undefined]>([
  ['system-node-critical', '', 2_000_001_000],
  ['system-cluster-critical', '', 2_000_000_000],
  ['system-cluster-critical', 'priority: 7', 7],
  ['mine', '', undefined],
])('a pod of the class %s {%s} has the priority %s', async (name, own, priority) => {
  const withClass = good('a').replace('spec:', `spec:\n  priorityClassName: ${name}${own && `\n  ${own}`}`);
  await write('a.yaml', withClass);
  const [pod] = (await next(updates())).pods;
  expect(pod?.spec).toMatchObject({ priorityClassName: name, ...(priority !== undefined && { priority }) });
  if (priority === undefined) expect(pod?.spec).not.toHaveProperty('priority');
});

describe('a pod whose name', () => {
  const named = (metadata: string) => good('a').replace('{name: a}', metadata);

  it.each<[behaviour: string, metadata: string, problem: string]>([
    ['is left to be generated', '{generateName: a-}', 'metadata.name: Required value: a static pod has to have a name'],
    ['is not there at all', '{labels: {a: b}}', 'metadata.name: Required value: a static pod has to have a name'],
    ['is too long with the node behind it', `{name: ${'a'.repeat(249)}}`, 'must be no more than 253 characters'],
    ['is no name', '{name: A}', 'metadata.name: Invalid value: "A-node": a lowercase RFC 1123 subdomain must consist of'],
  ])('%s is refused', async (_behaviour, metadata, problem) => {
    await write('a.yaml', named(metadata));
    const { pods, problems } = await next(updates({ namedByNode: true, nodeName: 'Node' }));
    expect([pods, problems.length]).toEqual([[], 1]);
    expect(problems[0]).toMatch(/a\.yaml:3: metadata\.name: /);
    expect(problems[0]).toContain(problem);
  });

  it('is as long as may be with the node behind it runs', async () => {
    const name = 'a'.repeat(248);
    await write('a.yaml', named(`{name: ${name}}`));
    expect(namesOf(await next(updates({ namedByNode: true, nodeName: 'Node' })))).toEqual([`${name}-node`]);
  });
});

it('a file that is not there is named', async () => {
  const { problems } = await next(updates({ paths: [join(directory, 'nowhere.yaml')] }));
  expect(problems).toEqual([`${join(directory, 'nowhere.yaml')}: there is no such file or directory; make it, or correct the path`]);
});

it('what is no Pod is refused by its kind', async () => {
  await write('a.yaml', 'apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {ports: [{port: 80}]}\n');
  expect((await next(updates())).problems[0]).toMatch(/a\.yaml:1: kind: a node runs Pods, not Service/);
});

it('of two pods of one name the first counts', async () => {
  await write('a.yaml', good('a'));
  await write('b.yaml', good('a', 'b:1'));
  const { pods, problems } = await next(updates());
  const [first, second] = ['a.yaml', 'b.yaml'].map((name) => join(directory, 'm', name));
  expect([pods[0]?.spec?.containers[0]?.image, problems]).toEqual([
    'a:1',
    [`${second}: pod default/a is given in ${first} too, which counts; give one of them another name`],
  ]);
});

it('a pod that a file has twice is told of, also where both say the same', async () => {
  await write('a.yaml', `${good('a')}---\n${good('a')}`);
  const { pods, problems } = await next(updates());
  expect([pods.length, problems]).toEqual([
    1,
    [expect.stringMatching(/a\.yaml: pod default\/a is given twice, and the first one counts; /)],
  ]);
});

it('a file that is named in two ways is no duplicate', async () => {
  await write('a.yaml', good('a'));
  const { pods, problems } = await next(updates({ paths: [join(directory, 'm'), `${directory}/./m/a.yaml`] }));
  expect([pods.length, problems]).toEqual([1, []]);
});

it('a file that becomes readable is read, also if it is empty then', async () => {
  const link = join(directory, 'm/a.yaml');
  await symlink(directory, link);
  const iterator = updates();
  expect((await next(iterator)).problems).toEqual([`${link}: it is a directory; name a file`]);
  await rm(link);
  await write('a.yaml', '');
  let update = await next(iterator);
  if (update.problems.length === 0) update = await next(iterator);
  expect(update.problems[0]).toMatch(/a\.yaml:1:1: The file holds no object; correct the file$/);
});

describe('the objects that pods refer to', () => {
  const configMap = (name: string, fields: string) => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\n${fields}\n`;
  const secret = (fields: string) => `apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: other}\n${fields}\n`;

  /** A source over the manifests and a directory of objects, once it has been read. */
  async function readAll(): Promise<{ source: ManifestSource; updates: AsyncIterator<SourceUpdate>; first: SourceUpdate }> {
    await mkdir(join(directory, 'o'), { recursive: true });
    const [paths, objectPaths] = [[join(directory, 'm')], [join(directory, 'o')]];
    const source = new ManifestSource({ paths, objectPaths, nodeName: 'node', rescanMs: 200 });
    const iterator = source.updates(ended.signal)[Symbol.asyncIterator]();
    return { source, updates: iterator, first: await next(iterator) };
  }

  it('may stand in the same file as the pod, and are defaulted', async () => {
    await write('a.yaml', `${good('a')}---\n${configMap('c', 'data: {a: b}')}---\n${secret('stringData: {k: v}')}`);
    const { source, first } = await readAll();
    expect([namesOf(first), first.problems]).toEqual([['a'], []]);
    expect(await source.objects.get('ConfigMap', 'default', 'c', ended.signal)).toMatchObject({ data: { a: 'b' } });
    expect(await source.objects.get('Secret', 'other', 's', ended.signal)).toMatchObject({ type: 'Opaque', data: { k: 'dg==' } });
    expect(await source.objects.get('Secret', 'default', 's', ended.signal)).toBeUndefined();
  });

  it('are told with file, line and field where they are wrong, without their values', async () => {
    await write('a.yaml', secret('data: {k: "hunter2!"}'));
    expect((await readAll()).first.problems).toEqual([
      `${join(directory, 'm/a.yaml')}:4: data[k]: Invalid value: "k": its value must be base64; correct the file`,
    ]);
  });

  it('are told of as they come, change and go; a broken file keeps what it held', async () => {
    const { source, updates: iterator } = await readAll();
    const heard: string[] = [];
    const file = join(directory, 'o/c.yaml');
    source.objects.onChange((kind, namespace, name) => heard.push(`${kind} ${namespace}/${name}`));
    const read = () => source.objects.get('ConfigMap', 'default', 'c', ended.signal);
    // A change of objects alone is none of the pods, so the reader is asked on without an update.
    const reading = iterator.next();
    await replace(file, configMap('c', 'data: {a: "1"}'));
    await expect.poll(read).toMatchObject({ data: { a: '1' } });
    await replace(file, configMap('c', 'data: {a: "2"}'));
    await expect.poll(read).toMatchObject({ data: { a: '2' } });
    await replace(file, configMap('c', 'data: {a: 2}'));
    expect((await reading).value).toMatchObject({ problems: [expect.stringMatching(/c\.yaml:4: data\[a\]: must be a string/)] });
    expect(await read()).toMatchObject({ data: { a: '2' } });
    const mended = iterator.next();
    await rm(file);
    await mended;
    expect(await read()).toBeUndefined();
    expect(heard).toEqual(['ConfigMap default/c', 'ConfigMap default/c', 'ConfigMap default/c']);
  });

  it('that are refused say why where a pod misses them', async () => {
    const field = configMap('typed', 'data: {a: 2}');
    await write('a.yaml', `${field}---\n${configMap('valid', 'data: {a: b}')}---\n${secret('data: {k: "no base64!"}')}`);
    const { objects } = (await readAll()).source;
    const told = (kind: 'ConfigMap' | 'Secret', namespace: string, name: string) => notFound(objects, { kind, namespace, name }).message;
    const file = join(directory, 'm/a.yaml');
    expect(told('ConfigMap', 'default', 'typed')).toMatch(`configmap "typed" not found: ${file}:4: data[a]: must be a string`);
    expect(told('Secret', 'other', 's')).toMatch(`secret "s" not found: ${file}:14: data[k]: Invalid value: "k": its value must be base64`);
    expect(told('ConfigMap', 'other', 'typed')).toBe('configmap "typed" not found');
  });

  it('that are immutable keep their data', async () => {
    await write('c.yaml', configMap('c', 'immutable: true\ndata: {a: "1"}'));
    const { source, updates: iterator } = await readAll();
    await write('c.yaml', configMap('c', 'immutable: true\ndata: {a: "2"}'));
    expect((await next(iterator)).problems[0]).toMatch(/c\.yaml:5: data: Forbidden: field is immutable/);
    expect(await source.objects.get('ConfigMap', 'default', 'c', ended.signal)).toMatchObject({ data: { a: '1' } });
  });

  it('are given once', async () => {
    await write('a.yaml', configMap('c', 'data: {a: "1"}'));
    await write('b.yaml', configMap('c', 'data: {a: "2"}'));
    const { source, first } = await readAll();
    expect(first.problems).toEqual([
      expect.stringMatching(/b\.yaml: ConfigMap default\/c is given in .*a\.yaml too, which counts; give one of them another name$/),
    ]);
    expect(await source.objects.get('ConfigMap', 'default', 'c', ended.signal)).toMatchObject({ data: { a: '1' } });
  });

  it('have a directory in which a pod is refused', async () => {
    await mkdir(join(directory, 'o'));
    await writeFile(join(directory, 'o/a.yaml'), good('a'));
    const { first } = await readAll();
    expect([first.pods, first.problems]).toEqual([[], [expect.stringMatching(/o\/a\.yaml:1: kind: pods come from manifests/)]]);
  });
});
