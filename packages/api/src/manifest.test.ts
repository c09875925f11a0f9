import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { arbitraryObject, arbitraryValue } from '../testing/arbitrary-object.ts';
import { yamlRules } from './manifest/yaml-rules.ts';
import { formatProblem, problemOf, readManifest } from './manifest.ts';
import type { ConfigMap } from './objects.ts';
import { required } from './validation/field-error.ts';

const problemsOf = (text: string) => readManifest(text, 'a.yaml').problems.map(formatProblem);
const pod = (...spec: string[]) => ['apiVersion: v1', 'kind: Pod', 'metadata: {name: a}', 'spec:', ...spec].join('\n');

describe('readManifest', () => {
  it('reads several documents, each with the line it begins on, and passes over blank ones', () => {
    const { objects, problems } = readManifest(
      '# first\n---\napiVersion: v1\nkind: Pod\n---\n---\napiVersion: v1\nkind: Secret\n---\n',
      'a.yaml',
    );
    expect(problems).toEqual([]);
    expect(objects.map(({ line, object, file }) => [file, line, object.kind])).toEqual([
      ['a.yaml', 3, 'Pod'],
      ['a.yaml', 7, 'Secret'],
    ]);
  });

  it('reads JSON, tabs and surrogate pairs included', () => {
    const { objects, problems } = readManifest(
      '{\n\t"apiVersion": "v1",\n\t"kind": "ConfigMap",\n\t"data": {"a": "\\ud83d\\ude00\\/"}\n}',
      'a.json',
    );
    expect(problems).toEqual([]);
    expect(objects[0]?.object).toEqual({ apiVersion: 'v1', kind: 'ConfigMap', data: { a: '😀/' } });
  });

  it('reads the items of a List and of a typed list', () => {
    const list = readManifest(
      'apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Pod\n- apiVersion: v1\n  kind: Secret\n',
      'a.yaml',
    );
    expect(list.objects.map(({ object, line }) => [object.kind, line])).toEqual([
      ['Pod', 4],
      ['Secret', 6],
    ]);
    const typed = readManifest('apiVersion: v1\nkind: PodList\nitems:\n- metadata: {name: a}\n- spec: 1\n', 'a.yaml');
    expect(typed.objects.map(({ object }) => [object.kind, object.metadata?.name])).toEqual([['Pod', 'a']]);
    expect(typed.problems.map(formatProblem)).toEqual(['a.yaml:5: spec: must be a map of fields']);
  });

  it('names the path, the line and the nearest name of an unknown field', () => {
    expect(problemsOf(pod('  containers:', '  - name: a', '    imagee: x', '    readinessprobe: {}', '    colour: red'))).toEqual([
      'a.yaml:7: spec.containers[0].imagee: Unknown field; did you mean "image"?',
      'a.yaml:8: spec.containers[0].readinessprobe: Unknown field; did you mean "readinessProbe"?',
      'a.yaml:9: spec.containers[0].colour: Unknown field',
    ]);
  });

  it('names the path and the line of a value of the wrong type', () => {
    expect(
      problemsOf(
        pod('  containers:', '  - ports: {}', '    name: 1', '    tty: maybe', '    command: sh', '    env: [3]', '  priority: 1.5'),
      ),
    ).toEqual([
      'a.yaml:6: spec.containers[0].ports: must be a list',
      'a.yaml:7: spec.containers[0].name: must be a string; put it in quotes',
      'a.yaml:8: spec.containers[0].tty: must be true or false',
      'a.yaml:9: spec.containers[0].command: must be a list',
      'a.yaml:10: spec.containers[0].env[0]: must be a map of fields',
      'a.yaml:11: spec.priority: must be a whole number',
    ]);
  });

  it('refuses what is no quantity and no time', () => {
    expect(problemsOf(pod('  containers: [{resources: {limits: {memory: 1GB}}}]'))[0]).toMatch(
      /^a\.yaml:5: spec\.containers\[0\]\.resources\.limits\[memory\]: Invalid value: "1GB"/,
    );
    expect(problemsOf('apiVersion: v1\nkind: Pod\nmetadata: {creationTimestamp: now}')).toEqual([
      'a.yaml:3: metadata.creationTimestamp: must be a time such as 2006-01-02T15:04:05Z',
    ]);
  });

  it('keeps quantities exact as strings and reads octal modes, yes and merge keys as Kubernetes does', () => {
    const text = pod(
      '  hostNetwork: yes',
      '  volumes: [{name: v, secret: {secretName: s, defaultMode: 0644}}]',
      '  containers:',
      '  - resources: {limits: {memory: 12345678901234567, cpu: 0.5}}',
    );
    expect(readManifest(text, 'a.yaml').objects[0]?.object).toMatchObject({
      spec: {
        hostNetwork: true,
        volumes: [{ secret: { defaultMode: 0o644 } }],
        containers: [{ resources: { limits: { memory: '12345678901234567', cpu: '0.5' } } }],
      },
    });
    const merged = 'apiVersion: v1\nkind: ConfigMap\ndata:\n  <<: {a: x, b: x}\n  a: y\n';
    expect(readManifest(merged, 'a.yaml').objects[0]?.object).toMatchObject({ data: { a: 'y', b: 'x' } });
  });

  it('takes null for an absent field and keeps keys that JavaScript objects have already', () => {
    const { objects } = readManifest(
      'apiVersion: v1\nkind: ConfigMap\nmetadata:\nimmutable: null\ndata: {__proto__: a, constructor: b, empty: }',
      'a.yaml',
    );
    expect(Object.keys(objects[0]?.object ?? {})).toEqual(['apiVersion', 'kind', 'data']);
    expect(Object.entries((objects as { object: ConfigMap }[])[0]?.object.data ?? {})).toEqual([
      ['__proto__', 'a'],
      ['constructor', 'b'],
      ['empty', ''],
    ]);
  });

  it.each([
    ['an empty file', '# nothing\n', 'a.yaml:1:1: The file holds no object'],
    ['a list', '- a\n', 'a.yaml:1:1: A document must be a Kubernetes object (a map with apiVersion and kind), not a list'],
    ['a text', 'hello\n', 'a.yaml:1:1: A document must be a Kubernetes object (a map with apiVersion and kind), not a string'],
    ['no kind', 'apiVersion: v1\n', 'a.yaml:1: kind: Required value'],
    ['an unknown version', 'apiVersion: v2\nkind: Pod\n', 'a.yaml:2: kind: Unknown apiVersion "v2" of kind Pod; use v1'],
    ['a duplicate key', 'apiVersion: v1\nkind: Pod\nkind: Pod\n', 'a.yaml:3:1: Duplicate key "kind": each field may be given once'],
    ['a tab', 'apiVersion: v1\nkind: Pod\nspec:\n\tcontainers: []\n', 'a.yaml:4:1: Tabs are not allowed as indentation'],
    ['an unknown alias', 'a: *x\n', "a.yaml:1:1: Aliases can't be resolved: Unresolved alias (the anchor must be set before the alias): x"],
    [
      'a merge of no map',
      'apiVersion: v1\nkind: ConfigMap\ndata: {<<: 3}\n',
      "a.yaml:1:1: Aliases can't be resolved: Merge sources must be maps or map aliases",
    ],
    ['an unknown tag', 'apiVersion: v1\nkind: Pod\nmetadata: !x {}\n', 'a.yaml:3:11: Unresolved tag: !x'],
    ['deep nesting', '['.repeat(20_000), expect.stringMatching(/^a\.yaml:1:\d+: The text is nested too deep to be a manifest$/)],
  ])('answers one clear error to %s', (_, text, message) => {
    expect(problemsOf(text)).toEqual([message]);
  });

  it('names the known kinds for an unknown one', () => {
    expect(problemsOf('apiVersion: v1\nkind: Podd\n')[0]).toMatch(
      /^a\.yaml:2: kind: Unknown kind "Podd"; known are .*Pod \(v1\).*RuntimeClass \(node\.k8s\.io\/v1\)/,
    );
  });

  it('refuses aliases that multiply, and aliases inside their own anchor', () => {
    const rows = ['a: &a [x, x, x, x, x, x, x, x, x, x]'];
    for (let row = 1; row < 9; row++)
      rows.push(
        `b${row}: &${'abcdefghi'[row]} [${Array(10)
          .fill(`*${'abcdefghi'[row - 1]}`)
          .join(', ')}]`,
      );
    expect(problemsOf(rows.join('\n'))).toEqual([
      "a.yaml:1:1: Aliases can't be resolved: Excessive alias count indicates a resource exhaustion attack",
    ]);
    expect(problemsOf('apiVersion: apps/v1\nkind: ControllerRevision\ndata: &a {x: *a, y: *a}')).not.toEqual([]);
  });

  it('reads a map of sixty thousand keys in time that grows with its size', () => {
    const keys = Array.from({ length: 60_000 }, (_, index) => `  k${index}: v`);
    const started = performance.now();
    expect(problemsOf(`apiVersion: v1\nkind: ConfigMap\ndata:\n${keys.join('\n')}`)).toEqual([]);
    expect(performance.now() - started).toBeLessThan(10_000);
  });

  it('reads the other documents when one is broken', () => {
    const { objects, problems } = readManifest('apiVersion: v1\nkind: Pod\n---\nfoo: [\n---\napiVersion: v1\nkind: Secret\n', 'a.yaml');
    expect(objects.map(({ object }) => object.kind)).toEqual(['Pod', 'Secret']);
    expect(problems).toHaveLength(1);
  });

  it('tells where a field error of one of its objects is written', () => {
    const source = readManifest(pod('  containers:', '  - name: a'), 'a.yaml').objects[0];
    expect(source && formatProblem(problemOf(source, required('spec.containers[0].image')))).toBe(
      'a.yaml:6: spec.containers[0].image: Required value',
    );
  });

  it('reads back any well-formed Pod without a problem', () => {
    fc.assert(
      fc.property(arbitraryObject('v1', 'Pod'), (object) => {
        expect(problemsOf(stringify(object, yamlRules))).toEqual([]);
      }),
      { numRuns: 50 },
    );
  });

  it('never throws', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(...'ab:-[]{}&*<! \t\n"\'#|>%0y'), maxLength: 60 }),
        (text) => readManifest(text, 'a.yaml') !== undefined,
      ),
    );
    fc.assert(
      fc.property(
        arbitraryValue,
        (value) => readManifest(JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: value, spec: value }), 'a.json') !== undefined,
      ),
    );
  });
});
