import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { freePorts } from '../../testing/free-ports.ts';
import { HttpSource } from './http-source.ts';
import type { SourceUpdate } from './pod-source.ts';

const pod = (name: string) => `{apiVersion: v1, kind: Pod, metadata: {name: ${name}}, spec: {containers: [{name: main, image: a}]}}`;

let server: Server;
let ended: AbortController;
let answer: (request: IncomingMessage, response: ServerResponse) => void;

beforeEach(async () => {
  ended = new AbortController();
  server = createServer((request, response) => answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

afterEach(() => {
  ended.abort();
  server.closeAllConnections();
  server.close();
});

const says = (text: string, status = 200) => {
  answer = (_request, response) => void response.writeHead(status).end(text);
};
const cutsOff = () => {
  answer = (_request, response) => void response.destroy();
};
const url = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}/pods?token=secret`;

function updates(staticPodURLHeader?: Record<string, string[]>): AsyncIterator<SourceUpdate> {
  const source = new HttpSource({ staticPodURL: url(), staticPodURLHeader, httpCheckFrequencyMs: 20, nodeName: 'Node', namedByNode: true });
  return source.updates(ended.signal)[Symbol.asyncIterator]();
}

const next = async (iterator: AsyncIterator<SourceUpdate>) => (await iterator.next()).value as SourceUpdate;
const namesOf = ({ pods }: SourceUpdate) => pods.map(({ metadata }) => metadata?.name);

it('a Pod is one pod, with source, uid and the name of the node', async () => {
  says(pod('web'));
  const [only] = (await next(updates())).pods;
  expect(only).toMatchObject({
    metadata: {
      name: 'web-node',
      namespace: 'default',
      uid: expect.stringMatching(/^[0-9a-f]{32}$/),
      annotations: { 'kubernetes.io/config.source': 'http', 'kubernetes.io/config.hash': only?.metadata?.uid },
    },
    spec: { nodeName: 'Node' },
  });
});

it('a PodList is its pods, and a changed answer replaces them', async () => {
  says(`{apiVersion: v1, kind: PodList, items: [${pod('a')}, ${pod('b')}]}`);
  const iterator = updates();
  expect(namesOf(await next(iterator))).toEqual(['a-node', 'b-node']);
  says(pod('b'));
  expect(namesOf(await next(iterator))).toEqual(['b-node']);
  says('{apiVersion: v1, kind: PodList, items: []}');
  expect(namesOf(await next(iterator))).toEqual([]);
});

it('the headers of the configuration are sent', async () => {
  answer = ({ headers }, response) => void response.end(pod(`as-${headers['x-node']}`));
  expect(namesOf(await next(updates({ 'X-Node': ['one'] })))).toEqual(['as-one-node']);
});

describe('a bad answer keeps the pods and says why, without the query', () => {
  it.each([
    [
      'an error',
      () => says('no such thing\nat all', 404),
      /^http:\/\/127\.0\.0\.1:\d+\/pods: it answered 404 Not Found: no such thing; correct staticPodURL, or .*: until then its pods of before go on$/,
    ],
    ['a long error', () => says('x'.repeat(1000), 500), /: it answered 500 Internal Server Error: x{80}…; correct/],
    [
      'a page',
      () => says('<html><head>\n<title>Nothing here</title></head>\n<body><h1>no</h1></body></html>', 404),
      /: it answered 404 Not Found: Nothing here; correct/,
    ],
    ['a page without a title', () => says('<!DOCTYPE html>\n<p>no', 503), /: it answered 503 Service Unavailable; correct/],
    ['no YAML', () => says('{'), /\/pods:1:\d+: /],
    [
      'no Pod',
      () => says('{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {ports: [{port: 80}]}}'),
      /a node runs Pods, not Service/,
    ],
    ['an invalid pod', () => says(pod('UPPER')), /metadata\.name: Invalid value: "UPPER-node"/],
    ['nothing', () => says(''), /the answer is empty/],
    [
      'more than 10 MiB',
      () => says(' '.repeat(10 * 1024 * 1024 + 1)),
      /\/pods: it is longer than 10485760 bytes; let it answer with this node's pods alone: until then its pods of before go on$/,
    ],
    [
      'a cut connection',
      cutsOff,
      /\/pods: (other side closed|read ECONNRESET); correct staticPodURL, or let a server answer there: until then/,
    ],
  ])('%s', async (_name, turnBad, problem) => {
    says(pod('web'));
    const iterator = updates();
    await next(iterator);
    turnBad();
    const bad = await next(iterator);
    expect([namesOf(bad), bad.unread]).toEqual([['web-node'], undefined]);
    expect(bad.problems.join('\n')).toMatch(problem);
    expect(bad.problems.join('\n')).not.toContain('secret');
    says(pod('web'));
    expect(await next(iterator)).toMatchObject({ problems: [] });
  });
});

describe('a URL without a server is told with its cause', () => {
  const problemsOf = async (staticPodURL: string) => {
    const source = new HttpSource({ staticPodURL, nodeName: 'node' });
    return (await next(source.updates(ended.signal)[Symbol.asyncIterator]())).problems;
  };

  it('where nobody listens', async () => {
    const [port] = await freePorts(1);
    expect(await problemsOf(`http://127.0.0.1:${port}/pods`)).toEqual([
      `http://127.0.0.1:${port}/pods: dial tcp 127.0.0.1:${port}: connect: connection refused; correct staticPodURL, or let a server answer there`,
    ]);
  });

  it('where the host is unknown', async () => {
    expect(await problemsOf('http://nowhere.invalid/pods')).toEqual([
      expect.stringMatching(/^http:\/\/nowhere\.invalid\/pods: dial tcp nowhere\.invalid: lookup: .*; correct staticPodURL, or/),
    ]);
  });
});

it('the login of a URL is sent as Go does, and told to nobody', async () => {
  answer = ({ headers }, response) => void response.writeHead(403).end(headers.authorization);
  const source = new HttpSource({ staticPodURL: url().replace('http://', 'http://me:p%40ss@'), nodeName: 'node' });
  const { problems } = await next(source.updates(ended.signal)[Symbol.asyncIterator]());
  expect(problems[0]).toMatch(new RegExp(`^http://127.*: it answered 403 Forbidden: Basic ${btoa('me:p@ss')}; correct`));
  expect(problems[0]).not.toContain('p%40ss');
});

it('one that never answered well has not been read', async () => {
  says('', 500);
  expect(await next(updates())).toMatchObject({ pods: [], unread: true });
});
