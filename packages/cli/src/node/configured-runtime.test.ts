import { readKubeletConfiguration } from '@berth/kubelet/read-configuration';
import { describe, expect, it } from 'vitest';
import { readNodeConfiguration } from '../configuration/node-configuration.ts';
import { withConfiguredRuntime } from './configured-runtime.ts';

const node = { ...readNodeConfiguration(), runtimeRequestTimeoutMs: 30_000 };
const defaults = readKubeletConfiguration({});

describe('withConfiguredRuntime', () => {
  it('gives runtimes the deadline of the KubeletConfiguration, not that of berth.yaml', () => {
    expect(withConfiguredRuntime(node, { ...defaults, runtimeRequestTimeout: '1m30s' }, true).runtimeRequestTimeoutMs).toBe(90_000);
    const containerRuntimeEndpoint = '/run/cri.sock';
    const own = withConfiguredRuntime(node, { ...defaults, containerRuntimeEndpoint, runtimeRequestTimeout: '500ms' }, false);
    expect(own.runtimeRequestTimeoutMs).toBe(500);
    expect(withConfiguredRuntime(node, defaults, true).runtimeRequestTimeoutMs).toBe(120_000);
  });

  it('has the named runtime as the default one: before those of berth.yaml, or alone without that file', () => {
    const configuration = { ...defaults, containerRuntimeEndpoint: '/run/cri.sock', imageServiceEndpoint: 'unix:///run/images.sock' };
    const named = { handler: 'cri', endpoint: 'unix:///run/cri.sock', imageEndpoint: 'unix:///run/images.sock' };
    expect(withConfiguredRuntime(node, configuration, false)).toMatchObject({ defaultHandler: 'cri', runtimes: [named] });
    expect(withConfiguredRuntime(node, configuration, true).runtimes).toEqual([named, ...node.runtimes]);
    expect(withConfiguredRuntime(node, defaults, true)).toMatchObject({ defaultHandler: node.defaultHandler, runtimes: node.runtimes });
  });
});
