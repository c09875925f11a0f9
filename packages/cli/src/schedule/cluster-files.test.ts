import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readCluster } from './cluster-files.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'berth-cluster-files-'));
});

afterEach(() => rmSync(directory, { recursive: true }));

function write(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

const node = 'apiVersion: v1\nkind: Node\nmetadata: {name: n1}\n';
const pod = 'apiVersion: v1\nkind: Pod\nmetadata: {name: p1}\nspec: {containers: [{name: c, image: "a:1"}]}\n';
const problems = async (...files: string[]) =>
  readCluster(files).then(
    () => '',
    (error: Error) => error.message.replaceAll(`${directory}/`, ''),
  );

describe('readCluster', () => {
  it('gives nodes what their kubelets would tell of them', async () => {
    const { nodes } = await readCluster([write('a.yaml', `${node}status: {capacity: {cpu: "4"}}\n`)]);
    expect(nodes[0]?.metadata?.labels).toEqual({ 'kubernetes.io/hostname': 'n1' });
    expect(nodes[0]?.status?.allocatable).toEqual({ cpu: '4', pods: '110' });
  });

  it('gives pods their defaults, and what their classes add', async () => {
    const classes =
      '---\napiVersion: node.k8s.io/v1\nkind: RuntimeClass\nmetadata: {name: vm}\nhandler: vm\noverhead: {podFixed: {memory: 128Mi}}\n' +
      '---\napiVersion: scheduling.k8s.io/v1\nkind: PriorityClass\nmetadata: {name: high}\nvalue: 7\n';
    const spec = 'spec: {runtimeClassName: vm, priorityClassName: high, containers: [{name: c, image: "a:1"}]}\n';
    const { pods } = await readCluster([write('a.yaml', `${pod.replace(/spec:.*\n/, spec)}${classes}`)]);
    expect(pods[0]?.pod.metadata?.namespace).toBe('default');
    expect(pods[0]?.pod.spec).toMatchObject({ schedulerName: 'default-scheduler', overhead: { memory: '128Mi' }, priority: 7 });
  });

  it('reads a file that is given twice once', async () => {
    const file = write('a.yaml', `${node}---\n${pod}`);
    expect(await readCluster([file, file])).toMatchObject({ nodes: [{}], pods: [{}] });
  });

  it('tells all that is wrong in one error, with file, line and field', async () => {
    const nodes = write('nodes.yaml', `${node}spec: {taints: [{key: a, effect: Never}]}\n---\n${node}`);
    const pods = write(
      'pods.yaml',
      `${pod.replace('image', 'imagee')}---\n${pod}---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n`,
    );
    expect((await problems(nodes, pods)).split('\n')).toEqual([
      'pods.yaml:4: spec.containers[0].imagee: Unknown field; did you mean "image"?',
      'nodes.yaml:8: metadata.name: there is another Node of this name, in nodes.yaml:1; give one of them another name',
      'pods.yaml:12: kind: placement reads Node, Pod, RuntimeClass, PriorityClass, not ConfigMap',
      'nodes.yaml:4: spec.taints[0].effect: Unsupported value: "Never": supported values: "NoExecute", "NoSchedule", "PreferNoSchedule"',
    ]);
  });

  it('names the class that a pod asks for and that is not there', async () => {
    expect(await problems(write('a.yaml', pod.replace('{containers', '{priorityClassName: high, containers')))).toBe(
      'a.yaml:4: spec.priorityClassName: Forbidden: no PriorityClass with name high was found',
    );
  });

  it('names a file that is not there, and one that is no YAML', async () => {
    expect(await problems('/nowhere/a.yaml')).toMatch(/^\/nowhere\/a\.yaml: .*no such file/);
    expect(await problems(write('a.yaml', 'a: [\n'))).toMatch(/^a\.yaml:2:1: /);
  });
});
