import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runDeviceSuite } from '@berth/conformance/device';
import type { Report } from '@berth/conformance/suite';
import { devicePlugin } from '@berth/sdk/device';
import { serveDeviceRegistration } from '@berth/sdk/device/registration';
import { describe, expect, it } from 'vitest';
import { devicePluginCommand } from '../fixtures/device-plugins.ts';

const oneResource = 'the command registers one resource';
const offered = 'the plugin offers preferred allocation';
const asked = 'the plugin asks for the call';

/** What of each plugin isn't judged. */
const notJudged: Record<string, Record<string, string>> = {
  'plain-plugin.mjs': {
    'registration.resources-apart': oneResource,
    'preference.not-offered': offered,
    'pre-start.not-required': asked,
    'call.authority-path': 'it refuses it, and kubelets of today send localhost',
  },
  'kit-plugin.ts': {
    'registration.resources-apart': oneResource,
    'preference.not-offered': offered,
    'pre-start.not-required': asked,
    'health.allocate-unhealthy': 'it allocates an unhealthy device',
  },
};

const failuresOf = ({ cases }: Report): string[] =>
  cases.flatMap(({ id, result, reason }) => (result === 'failed' ? [`${id}: ${reason}`] : []));

const skipsOf = ({ cases }: Report): Record<string, string> =>
  Object.fromEntries(cases.flatMap(({ id, result, reason = '' }) => (result === 'skipped' ? [[id, reason]] : [])));

const uncovered = ({ protocol }: Report): string[] => [
  ...protocol.rpcs.flatMap(({ name, covered }) => (covered ? [] : [name])),
  ...protocol.messages.flatMap(({ name, uncovered: fields }) => fields.map((field) => `${name}.${field}`)),
];

describe('the device suite', () => {
  it.concurrent.for(Object.keys(notJudged))('passes %s, and sees all of the protocol with it', async (file) => {
    const report = await runDeviceSuite(devicePluginCommand(file));
    expect(failuresOf(report)).toEqual([]);
    const listed = Object.entries(notJudged[file] ?? {}).map(([id, reason]) => [id, expect.stringContaining(reason)]);
    expect(skipsOf(report)).toEqual(Object.fromEntries(listed));
    expect(uncovered(report)).toEqual([]);
  });

  it.concurrent('passes a plugin that looks for the kubelet where all are, and has its place to itself', async () => {
    const { command } = devicePluginCommand('plain-plugin.mjs');
    const report = await runDeviceSuite({ command: `env -u DEVICE_PLUGIN_DIRECTORY ${command}` }, { focus: /^(registration|start)\./ });
    expect(failuresOf(report)).toEqual([]);
    expect(report.summary.passed).toBeGreaterThan(5);
  });

  it.concurrent('judges one of the resources of a command that has several', async () => {
    const [plain, kit] = ['plain-plugin.mjs', 'kit-plugin.ts'].map((file) => devicePluginCommand(file).command);
    const target = { command: `${plain} & ${kit} & wait`, patienceMs: 10_000 };
    const report = await runDeviceSuite({ ...target, resource: 'kit.example/null' }, { focus: /^(registration|restart\.itself|shutdown)/ });
    expect(failuresOf(report)).toEqual([]);
    expect(skipsOf(report)).toEqual({});
  });

  it.concurrent('judges a plugin that serves already, but for what needs its start or a kubelet', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'berth-served-'));
    const ended = new AbortController();
    const kubelet = await serveDeviceRegistration({ directory, register: () => undefined });
    const registered = Promise.withResolvers<void>();
    const running = devicePlugin({
      resourceName: 'kit.example/one',
      async *list() {
        yield [{ id: 'one' }];
      },
      allocate: () => ({ envs: { ONE: '1' } }),
    }).run({ directory, socketName: 'one.sock', signal: ended.signal, log: () => registered.resolve() });
    try {
      await registered.promise;
      const report = await runDeviceSuite({ socket: join(directory, 'one.sock') });
      expect(failuresOf(report)).toEqual([]);
      const skips = skipsOf(report);
      for (const id of ['registration.version', 'restart.gone', 'start.same-ids', 'shutdown.ends']) {
        expect(skips[id]).toContain('serves already');
      }
      expect(report.cases.find(({ id }) => id === 'allocate.unknown')?.result).toBe('passed');
    } finally {
      ended.abort();
      await running;
      await kubelet.close(0);
      rmSync(directory, { recursive: true });
    }
  });

  it('says what a command said that registers nothing', async () => {
    const judged = runDeviceSuite({ command: 'echo no such adapter; exit 3', patienceMs: 1_000 });
    await expect(judged).rejects.toThrow(/nothing was registered within 1000 ms.*ended with 3.*no such adapter/);
  });
});
