import type { TokenReviewer } from './authentication/authenticator.ts';
import type { AccessReviewer } from './authorization/authorizer.ts';

/** The kubelet's ports and who may use them, named as in KubeletConfiguration; durations in milliseconds. */
export interface KubeletServerOptions {
  /** False: no TLS port; the other ports are there by their numbers. */
  enableServer: boolean;
  /** Of the TLS port and the read-only one. */
  address: string;
  /** Of the TLS port. */
  port: number;
  /** Without TLS and authentication, for figures and health only. 0: none. */
  readOnlyPort: number;
  healthzBindAddress: string;
  /** 0: none. */
  healthzPort: number;
  /** PEM. Without it, a self-signed one below the kubelet's root, in `pki/`. */
  tlsCertFile?: string;
  tlsPrivateKeyFile?: string;
  tlsMinVersion: TlsVersion;
  /** Go's names, as `TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256`; empty: those that Node.js has by default. Those of TLS 1.3 are always on. */
  tlsCipherSuites: string[];
  /** Of key exchanges, by their numbers in TLS (IANA's TLS Supported Groups), as Go has them; empty: those that Node.js has by default. */
  tlsCurvePreferences: number[];
  authentication: {
    x509: { clientCAFile?: string };
    webhook: { enabled: boolean; cacheTTLMs: number };
    anonymous: { enabled: boolean };
  };
  authorization: {
    mode: 'AlwaysAllow' | 'Webhook';
    webhook: { cacheAuthorizedTTLMs: number; cacheUnauthorizedTTLMs: number };
  };
  /** Logs, commands and sessions; false: those routes are answered with 405. */
  enableDebuggingHandlers: boolean;
  /** `/logs/`. */
  enableSystemLogHandler: boolean;
  /** `/logs/?query=`. */
  enableSystemLogQuery: boolean;
  /** `/debug/flags/v`. */
  enableDebugFlagsHandler: boolean;
  /** A session that carries nothing for so long is ended. */
  streamingConnectionIdleTimeoutMs: number;
  /** Who knows tokens, when `authentication.webhook` is enabled. */
  tokenReviewer?: TokenReviewer;
  /** Who knows rights, when the mode is Webhook. */
  accessReviewer?: AccessReviewer;
}

export type TlsVersion = 'VersionTLS10' | 'VersionTLS11' | 'VersionTLS12' | 'VersionTLS13';

/** kubelet's (pkg/kubelet/apis/config/v1beta1/defaults.go), but for nodes without an API server: nobody to review tokens and rights. */
export const defaultServerOptions: KubeletServerOptions = {
  enableServer: true,
  address: '0.0.0.0',
  port: 10250,
  readOnlyPort: 0,
  healthzBindAddress: '127.0.0.1',
  healthzPort: 10248,
  tlsMinVersion: 'VersionTLS12',
  tlsCipherSuites: [],
  tlsCurvePreferences: [],
  authentication: { x509: {}, webhook: { enabled: false, cacheTTLMs: 120_000 }, anonymous: { enabled: false } },
  authorization: { mode: 'AlwaysAllow', webhook: { cacheAuthorizedTTLMs: 300_000, cacheUnauthorizedTTLMs: 30_000 } },
  enableDebuggingHandlers: true,
  enableSystemLogHandler: true,
  enableSystemLogQuery: false,
  enableDebugFlagsHandler: true,
  streamingConnectionIdleTimeoutMs: 4 * 60 * 60 * 1000,
};
