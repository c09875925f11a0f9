import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PluginError } from '@berth/sdk/errors';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../clock.ts';
import { KubeletMetrics } from '../../metrics/kubelet-metrics.ts';
import { PodTraces } from '../../trace/pod-traces.ts';
import type { CredentialProvider } from './configuration.ts';
import { CredentialPlugins } from './credential-plugins.ts';
import { askPlugin } from './exec-plugin.ts';

let binDir: string;
let time: number;
beforeEach(() => {
  binDir = mkdtempSync(join(tmpdir(), 'berth-plugins-'));
  time = 1_000_000;
});
afterEach(() => rmSync(binDir, { recursive: true }));

const apiVersion = 'credentialprovider.kubelet.k8s.io/v1';
const signal = new AbortController().signal;
const unexpected = (error: PluginError) => expect.unreachable(error.message);

/** A plugin that is a shell script, and logs its requests. */
function plugin(name: string, script: string, more: Partial<CredentialProvider> = {}): CredentialProvider {
  writeFileSync(join(binDir, name), `#!/bin/sh\ncat >> ${binDir}/requests; echo >> ${binDir}/requests\n${script}\n`, { mode: 0o755 });
  return { name, matchImages: ['*.example'], defaultCacheMs: 60_000, apiVersion, args: [], env: {}, ...more };
}

const answer = (cacheKeyType: string, auth: object | null, cacheDuration?: string) =>
  `echo '${JSON.stringify({ apiVersion, kind: 'CredentialProviderResponse', cacheKeyType, cacheDuration, auth })}'`;
const login = (username: string) => ({ '*.example': { username, password: 'hunter2' } });

function requests(): string[] {
  appendFileSync(join(binDir, 'requests'), '');
  return readFileSync(join(binDir, 'requests'), 'utf8').trim().split('\n').filter(Boolean);
}

const metrics = new KubeletMetrics({ nodeName: 'node' });

function makePlugins(...providers: CredentialProvider[]): CredentialPlugins {
  const clock = { ...systemClock, now: () => new Date(time) };
  return new CredentialPlugins({ binDir, providers }, { clock, traces: new PodTraces(), metrics });
}

describe('credential provider plugins', () => {
  it('are asked by the standard protocol for the images that they are for', async () => {
    const provider = plugin('ecr', `echo "$GREETING $1 $(id -u)" >&2; ${answer('Image', login('me'))}`, {
      args: ['get'],
      env: { GREETING: 'hi' },
    });
    const plugins = makePlugins(provider);
    const keyring = await plugins.keyringFor('eu.example/team/app:1', signal, unexpected);
    expect(keyring.lookUp('eu.example/team/app')).toMatchObject([{ username: 'me', password: 'hunter2' }]);
    expect(requests().map((line) => JSON.parse(line))).toEqual([
      { apiVersion, kind: 'CredentialProviderRequest', image: 'eu.example/team/app:1' },
    ]);
    expect((await plugins.keyringFor('busybox', signal, unexpected)).lookUp('docker.io/library/busybox')).toEqual([]);
    expect(requests()).toHaveLength(1);
  });

  it.each<[type: string, duration: string | undefined, asked: number]>([
    ['Image', undefined, 3],
    ['Registry', undefined, 2],
    ['Global', undefined, 1],
    ['Global', '0s', 4],
  ])('keep an answer for %s, cacheDuration %s', async (type, duration, asked) => {
    const plugins = makePlugins(plugin('ecr', answer(type, login('me'), duration)));
    for (const image of ['a.example/x:1', 'a.example/x:2', 'a.example/y', 'b.example/z'])
      await plugins.keyringFor(image, signal, unexpected);
    expect(requests()).toHaveLength(asked);
  });

  it('are asked again when the time of an answer is over', async () => {
    const plugins = makePlugins(plugin('ecr', answer('Global', login('me'), '10s')));
    for (const passed of [0, 9000, 2000]) {
      time += passed;
      await plugins.keyringFor('a.example/x', signal, unexpected);
    }
    expect(requests()).toHaveLength(2);
  });

  it('are asked once by pods that start together', async () => {
    const plugins = makePlugins(plugin('ecr', `sleep 0.1; ${answer('Image', login('me'), '0s')}`));
    const found = await Promise.all(Array.from({ length: 5 }, () => plugins.keyringFor('a.example/x', signal, unexpected)));
    expect(found.map((keyring) => keyring.lookUp('a.example/x').length)).toEqual([1, 1, 1, 1, 1]);
    expect(requests()).toHaveLength(1);
  });

  it('are waited for no longer by a pod that is given up', async () => {
    const plugins = makePlugins(plugin('ecr', 'sleep 60'));
    const [first, second] = [new AbortController(), new AbortController()];
    const asked = [first, second].map((pod) => plugins.keyringFor('a.example/x', pod.signal, unexpected));
    const ends = Promise.allSettled(asked);
    second.abort(new Error('the second pod ends'));
    await expect(asked[1]).rejects.toThrow('the second pod ends');
    first.abort(new Error('the first pod ends'));
    expect(await ends).toMatchObject([{ reason: { message: 'the first pod ends' } }, { status: 'rejected' }]);
  });

  it('that know nothing of an image leave it to the others, and each run is counted', async () => {
    for (const metric of [metrics.credentialPluginDuration, metrics.credentialPluginErrors]) metric.reset();
    const plugins = makePlugins(
      plugin('none', answer('Image', null)),
      plugin('broken', 'exit 3'),
      plugin('ecr', answer('Image', login('me'))),
    );
    // What the plugins before had been asked when one failed.
    const failures: [message: string, asked: number][] = [];
    const keyring = await plugins.keyringFor('a.example/x', signal, ({ message }) => failures.push([message, requests().length]));
    expect(keyring.lookUp('a.example/x')).toMatchObject([{ username: 'me' }]);
    expect(failures).toEqual([
      ['credential provider plugin broken: it ended with 3; run it by hand with the same arguments and environment', 2],
    ]);
    const shown = await metrics.registry.metrics();
    expect(shown.match(/^kubelet_credential_provider_plugin_errors_total.*$/gm)).toEqual([
      'kubelet_credential_provider_plugin_errors_total{plugin_name="broken"} 1',
    ]);
    for (const name of ['none', 'broken', 'ecr']) {
      expect(shown).toContain(`kubelet_credential_provider_plugin_duration_count{plugin_name="${name}"} 1\n`);
    }
  });
});

describe('a plugin that fails is named, and its secrets are not', () => {
  it.each<[what: string, script: string, message: RegExp]>([
    ['no JSON', "echo 'password hunter2'", /plugin p: its answer is no JSON; let it print/],
    ['another object', `echo '{"kind":"Secret","auth":"hunter2"}'`, /is no CredentialProviderResponse: apiVersion: .*kind: /],
    [
      'another version',
      answer('Image', login('me')).replace('/v1', '/v1beta1'),
      /it answered in .*v1beta1 to a request in .*v1; set apiVersion/,
    ],
    ['no duration', answer('Image', login('me'), 'soon'), /is no CredentialProviderResponse: cacheDuration: must be a duration/],
    ['an exit code', 'echo hunter2; echo "no network" >&2; exit 1', /it ended with 1: no network; run it by hand/],
    ['silence', 'sleep 60', /it gave no answer within 0.2 s/],
    ['too much', 'head -c 2000000 /dev/zero', /longer than 1 MiB/],
  ])('%s', async (_what, script, message) => {
    const asked = askPlugin(plugin('p', script), binDir, 'a.example/x', signal, script.startsWith('sleep') ? 200 : 20_000);
    const error = await asked.then(
      () => undefined,
      (thrown: Error) => thrown,
    );
    expect(error?.message).toMatch(message);
    expect(error?.message).not.toContain('hunter2');
  });

  it('silence, and the silence of what it leaves behind in a session of its own', async () => {
    const script = `setsid sh -c 'sleep 2; touch ${binDir}/outlived' &\nsleep 60`;
    await expect(askPlugin(plugin('p', script), binDir, 'a.example/x', signal, 200)).rejects.toThrow(/no answer within 0.2 s/);
    expect(existsSync(join(binDir, 'outlived'))).toBe(false);
  });

  it('no program', async () => {
    const provider = { ...plugin('p', ''), name: 'missing' };
    await expect(askPlugin(provider, binDir, 'a.example/x', signal)).rejects.toThrow(
      /plugin missing: .*ENOENT; put an executable of this name at/,
    );
  });
});
