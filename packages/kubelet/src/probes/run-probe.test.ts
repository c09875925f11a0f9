import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo, Server } from 'node:net';
import type { Probe } from '@berth/api/objects';
import type { Client } from '@berth/sdk/connect';
import { ExecSyncResponse, type RuntimeServiceService } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import { HealthCheckResponse_ServingStatus, HealthService } from '@berth/sdk/health';
import { type Served, serve } from '@berth/sdk/serve';
import { afterEach, describe, expect, it } from 'vitest';
import { makePod } from '../../testing/observed-pod.ts';
import type { HandlerTarget } from '../handlers/handler-target.ts';
import { runProbe } from './run-probe.ts';

type ExecSync = Client<RuntimeServiceService>['execSync'];

function target(execSync?: ExecSync, env: object[] = []): HandlerTarget {
  return {
    pod: makePod(),
    container: { name: 'main', env, ports: [] },
    containerId: 'id',
    client: { handler: 'runc', runtime: { execSync } },
    podIP: '127.0.0.1',
    requestTimeoutMs: 1000,
  } as unknown as HandlerTarget;
}

const unaborted = new AbortController().signal;
const closers: (() => unknown)[] = [];

afterEach(() => {
  for (const close of closers.splice(0)) close();
});

async function httpServer(statusCode: number): Promise<number> {
  return listen(createServer((_, response) => void response.writeHead(statusCode, { location: 'http://elsewhere.invalid' }).end('body')));
}

async function listen(server: Server): Promise<number> {
  closers.push(() => server.close());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return (server.address() as AddressInfo).port;
}

async function health(check?: () => { status: HealthCheckResponse_ServingStatus } | Promise<never>): Promise<number> {
  const served: Served = await serve('127.0.0.1:0', [[HealthService, check ? { check } : {}]]);
  closers.push(() => served.close(0));
  return Number(served.address.split(':').at(-1));
}

describe('an HTTP probe', () => {
  it.each([
    [200, 'success', 'body'],
    [204, 'success', ''],
    [304, 'warning', 'Probe terminated redirects, Response body: '],
    [302, 'warning', 'Probe terminated redirects, Response body: body'],
    [400, 'failure', 'HTTP probe failed with statuscode: 400'],
    [500, 'failure', 'HTTP probe failed with statuscode: 500'],
  ])('answered with %i is a %s', async (statusCode, result, output) => {
    const httpGet = { port: await httpServer(statusCode) };
    expect(await runProbe({ httpGet }, target(), unaborted)).toEqual({ result, output });
  });

  it('that nobody answers is a failure', async () => {
    expect(await runProbe({ httpGet: { port: 1 } }, target(), unaborted)).toMatchObject({
      result: 'failure',
      output: 'Get "http://127.0.0.1:1/": dial tcp 127.0.0.1:1: connect: connection refused',
    });
  });
});

describe('a TCP probe', () => {
  it('succeeds where somebody listens', async () => {
    expect(await runProbe({ tcpSocket: { port: await httpServer(200) } }, target(), unaborted)).toEqual({ result: 'success', output: '' });
  });

  it('fails where nobody does', async () => {
    expect(await runProbe({ tcpSocket: { port: 1 } }, target(), unaborted)).toEqual({
      result: 'failure',
      output: 'dial tcp 127.0.0.1:1: connect: connection refused',
    });
  });
});

describe('a gRPC probe', () => {
  const { SERVING, NOT_SERVING } = HealthCheckResponse_ServingStatus;

  it.each([
    [SERVING, 'success', 'service healthy'],
    [NOT_SERVING, 'failure', 'service unhealthy (responded with "NOT_SERVING")'],
  ] as const)('answered with %i is a %s', async (status, result, output) => {
    const grpc = { port: await health(() => ({ status })) };
    expect(await runProbe({ grpc }, target(), unaborted)).toEqual({ result, output });
  });

  it('asks for the service that it is given', async () => {
    const asked: string[] = [];
    const check = ({ service }: { service: string }) => {
      asked.push(service);
      return { status: SERVING };
    };
    const served = await serve('127.0.0.1:0', [[HealthService, { check }]]);
    closers.push(() => served.close(0));
    await runProbe({ grpc: { port: Number(served.address.split(':').at(-1)), service: 'shop' } }, target(), unaborted);
    expect(asked).toEqual(['shop']);
  });

  it.each<[what: string, check: (() => Promise<never>) | undefined, output: RegExp]>([
    [
      'has no health checking',
      undefined,
      /^error: this server does not implement the grpc health protocol \(grpc\.health\.v1\.Health\): [^;]+$/,
    ],
    ['is too slow', () => new Promise<never>(() => undefined), /^timeout: health rpc did not complete within 1s$/],
    [
      'knows no such service',
      () => Promise.reject(new PluginError('NOT_FOUND', 'unknown service')),
      /^error: health rpc probe failed: rpc error: code = NotFound desc = unknown service$/,
    ],
  ])('of a server that %s fails', async (_what, check, output) => {
    const probe = { grpc: { port: await health(check) }, timeoutSeconds: 1 };
    expect(await runProbe(probe, target(), unaborted)).toEqual({ result: 'failure', output: expect.stringMatching(output) });
  });

  it('that nobody answers is a failure', async () => {
    const outcome = await runProbe({ grpc: { port: 1 } }, target(), unaborted);
    const output = 'error: failed to connect service at "127.0.0.1:1": dial tcp 127.0.0.1:1: connect: connection refused';
    expect(outcome).toEqual({ result: 'failure', output });
  });

  it('of a server that speaks no HTTP/2 fails in the same words each time', async () => {
    const port = await listen(createServer());
    const outcome = await runProbe({ grpc: { port } }, target(), unaborted);
    const output = `error: failed to connect service at "127.0.0.1:${port}": no connection (Protocol error)`;
    expect(outcome).toEqual({ result: 'failure', output });
  });
});

describe('a command as probe', () => {
  const answering =
    (exitCode: number): ExecSync =>
    async () =>
      ExecSyncResponse.create({ exitCode, stdout: Buffer.from('out\n'), stderr: Buffer.from('err\n') });

  it.each([
    [0, 'success'],
    [1, 'failure'],
    [127, 'failure'],
  ])('that ends with %i is a %s', async (exitCode, result) => {
    expect(await runProbe({ exec: { command: ['x'] } }, target(answering(exitCode)), unaborted)).toEqual({ result, output: 'out\nerr\n' });
  });

  it('gets its time limit, and the variables that stand in the manifest', async () => {
    const asked: object[] = [];
    const execSync: ExecSync = async (request) => {
      asked.push(request);
      return ExecSyncResponse.create({});
    };
    const env = [
      { name: 'FILE', value: '/tmp/x' },
      { name: 'NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
    ];
    const probe: Probe = { exec: { command: ['cat', '$(FILE)', '$(NODE)'] }, timeoutSeconds: 3 };
    await runProbe(probe, target(execSync, env), unaborted);
    expect(asked).toEqual([{ containerId: 'id', cmd: ['cat', '/tmp/x', '$(NODE)'], timeout: 3n }]);
  });

  it('that takes too long fails', async () => {
    const execSync: ExecSync = () => Promise.reject(new PluginError('DEADLINE_EXCEEDED', 'killed'));
    const outcome = await runProbe({ exec: { command: ['sleep', '9'] }, timeoutSeconds: 1 }, target(execSync), unaborted);
    expect(outcome).toEqual({ result: 'failure', output: 'command timed out: "sleep 9" timed out after 1s' });
  });

  it('that cannot be run is tried three times', async () => {
    let calls = 0;
    const execSync: ExecSync = () => {
      calls++;
      return Promise.reject(new PluginError('UNAVAILABLE', 'no runtime'));
    };
    await expect(runProbe({ exec: { command: ['x'] } }, target(execSync), unaborted)).rejects.toThrow('no runtime');
    expect(calls).toBe(3);
  });
});

it('a pod without an address cannot be asked', async () => {
  await expect(runProbe({ tcpSocket: { port: 80 } }, { ...target(), podIP: undefined }, unaborted)).rejects.toThrow(
    'the pod has no address',
  );
});
