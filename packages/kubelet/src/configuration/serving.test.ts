import { expect, it } from 'vitest';
import { defaultLogRotation } from '../logs/log-rotation.ts';
import { defaultServerOptions } from '../server/server-options.ts';
import { kubeletConfiguration } from './kubelet-configuration.ts';
import { configuredLogRotation, configuredServer } from './serving.ts';

const configuration = (fields: object = {}) =>
  kubeletConfiguration.parse({ apiVersion: 'kubelet.config.k8s.io/v1beta1', kind: 'KubeletConfiguration', ...fields });

it('the defaults of a configuration are those of the server, but for webhooks, which take an API server', () => {
  const { authentication, authorization } = defaultServerOptions;
  expect(configuredServer(configuration())).toEqual({
    ...defaultServerOptions,
    authentication: { ...authentication, webhook: { ...authentication.webhook, enabled: true } },
    authorization: { ...authorization, mode: 'Webhook' },
  });
  expect(configuredLogRotation(configuration())).toEqual(defaultLogRotation);
});

it.each([
  [{ enableServer: false }, { enableServer: false, healthzPort: 10_248 }],
  [{ enableSystemLogQuery: true }, { enableSystemLogQuery: true }],
  [{ tlsCurvePreferences: [29, 23] }, { tlsCurvePreferences: [29, 23] }],
  [
    { readOnlyPort: 10255, address: '127.0.0.1' },
    { readOnlyPort: 10_255, address: '127.0.0.1' },
  ],
  [
    { tlsCertFile: '/a.crt', tlsPrivateKeyFile: '/a.key', tlsMinVersion: 'VersionTLS13' },
    { tlsCertFile: '/a.crt', tlsMinVersion: 'VersionTLS13' },
  ],
  [
    { authentication: { x509: { clientCAFile: '/ca.crt' }, webhook: { cacheTTL: '1s' } } },
    { authentication: { x509: { clientCAFile: '/ca.crt' }, webhook: { cacheTTLMs: 1000 } } },
  ],
  [{ authorization: { mode: 'AlwaysAllow' } }, { authorization: { mode: 'AlwaysAllow' } }],
  [
    { enableDebuggingHandlers: false, streamingConnectionIdleTimeout: '1m' },
    { enableDebuggingHandlers: false, streamingConnectionIdleTimeoutMs: 60_000 },
  ],
])('%j becomes %j', (fields, options) => {
  expect(configuredServer(configuration(fields))).toMatchObject(options);
});

it('a TLS version that there is not is refused with those that there are', () => {
  expect(() => configuredServer(configuration({ tlsMinVersion: 'TLS9' }))).toThrow(
    'tlsMinVersion: there is no version "TLS9"; use one of VersionTLS10',
  );
});

it('sizes and intervals of logs are read in their units', () => {
  const fields = { containerLogMaxSize: '1Ki', containerLogMaxFiles: 3, containerLogMonitorInterval: '3s' };
  expect(configuredLogRotation(configuration(fields))).toMatchObject({
    containerLogMaxSize: 1024,
    containerLogMaxFiles: 3,
    containerLogMonitorIntervalMs: 3000,
  });
});
