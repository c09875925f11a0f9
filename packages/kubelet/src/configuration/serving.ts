import { Quantity } from '@berth/api/quantity';
import { PluginError } from '@berth/sdk/errors';
import type { LogRotationOptions } from '../logs/log-rotation.ts';
import { defaultServerOptions, type KubeletServerOptions, type TlsVersion } from '../server/server-options.ts';
import { milliseconds } from './duration.ts';
import type { KubeletConfiguration } from './kubelet-configuration.ts';

const tlsVersions: TlsVersion[] = ['VersionTLS10', 'VersionTLS11', 'VersionTLS12', 'VersionTLS13'];

/** The ports of a node's configuration. INVALID_ARGUMENT for a TLS version that there isn't. */
export function configuredServer(configuration: KubeletConfiguration): KubeletServerOptions {
  const { enableServer, address, port, readOnlyPort, healthzBindAddress, healthzPort, tlsCertFile, tlsPrivateKeyFile } = configuration;
  const { authentication, authorization, tlsCipherSuites, enableDebuggingHandlers, enableSystemLogHandler } = configuration;
  const { x509, webhook, anonymous } = authentication;
  return {
    enableServer,
    address,
    port,
    readOnlyPort,
    healthzBindAddress,
    healthzPort,
    ...(tlsCertFile !== '' && { tlsCertFile }),
    ...(tlsPrivateKeyFile !== '' && { tlsPrivateKeyFile }),
    tlsMinVersion: tlsVersion(configuration.tlsMinVersion),
    tlsCipherSuites,
    tlsCurvePreferences: configuration.tlsCurvePreferences,
    authentication: {
      x509: { ...(x509.clientCAFile !== '' && { clientCAFile: x509.clientCAFile }) },
      webhook: { enabled: webhook.enabled, cacheTTLMs: milliseconds(webhook.cacheTTL) },
      anonymous,
    },
    authorization: {
      mode: authorization.mode,
      webhook: {
        cacheAuthorizedTTLMs: milliseconds(authorization.webhook.cacheAuthorizedTTL),
        cacheUnauthorizedTTLMs: milliseconds(authorization.webhook.cacheUnauthorizedTTL),
      },
    },
    enableDebuggingHandlers,
    enableSystemLogHandler,
    enableSystemLogQuery: configuration.enableSystemLogQuery,
    enableDebugFlagsHandler: configuration.enableDebugFlagsHandler,
    streamingConnectionIdleTimeoutMs: milliseconds(configuration.streamingConnectionIdleTimeout),
  };
}

/** How a node's configuration has containers' logs rotated. */
export function configuredLogRotation(configuration: KubeletConfiguration): LogRotationOptions {
  const { containerLogMaxSize, containerLogMaxFiles, containerLogMaxWorkers, containerLogMonitorInterval } = configuration;
  return {
    containerLogMaxSize: Number(Quantity.parse(containerLogMaxSize).value()),
    containerLogMaxFiles,
    containerLogMaxWorkers,
    containerLogMonitorIntervalMs: milliseconds(containerLogMonitorInterval),
  };
}

function tlsVersion(name: string): TlsVersion {
  if (name === '') return defaultServerOptions.tlsMinVersion;
  const known = tlsVersions.find((version) => version === name);
  if (known) return known;
  throw new PluginError('INVALID_ARGUMENT', `there is no version ${JSON.stringify(name)}`, {
    object: 'tlsMinVersion',
    hint: `use one of ${tlsVersions.join(', ')}`,
  });
}
