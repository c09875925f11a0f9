import { chmod } from 'node:fs/promises';
import { FileWatch } from '@berth/sdk/file-watch';
import { prepareSocketFile } from '@berth/sdk/socket-file';
import type { Logger } from 'pino';
import { type Clock, systemClock } from '../clock.ts';
import { addPodGauges } from '../metrics/pod-gauges.ts';
import { HttpListener, type HttpListenerOptions, type PortPlace } from './http-listener.ts';
import type { NodeView } from './node-view.ts';
import { RequestGuard } from './request-guard.ts';
import { allRoutes, healthRoutes, readOnlyRoutes, socketRoutes } from './routes.ts';
import { defaultServerOptions, type KubeletServerOptions } from './server-options.ts';
import { SessionProxy } from './session-proxy.ts';
import { tlsOptions } from './tls.ts';

interface KubeletServerParts {
  /** Of the unix socket. */
  path: string;
  node: NodeView;
  /** Undefined: the unix socket alone. */
  ports?: KubeletServerOptions | undefined;
  log: Logger;
  clock?: Clock;
}

/** Files of certificates are looked at this often even where the file system says nothing; kubelet's dynamic certificates: 1 min. */
const certificateRescanMs = 60_000;

/**
 * The kubelet's HTTP server: on a unix socket (0600, in a directory 0700), and, where they are configured, on a TLS port, a read-only port and a
 * port for health. Routes that a standard kubelet has are named as there.
 */
export class KubeletServer {
  readonly #parts: KubeletServerParts;
  /** Of the socket, whose owner may do all; then of the ports. */
  readonly #sessions: [SessionProxy, SessionProxy];
  readonly #listeners: HttpListener[] = [];
  readonly #end = new AbortController();

  constructor(parts: KubeletServerParts) {
    this.#parts = parts;
    const { node, ports = defaultServerOptions } = parts;
    const idleTimeoutMs = ports.streamingConnectionIdleTimeoutMs;
    this.#sessions = [
      new SessionProxy(node, { enabled: true, idleTimeoutMs }),
      new SessionProxy(node, { enabled: ports.enableDebuggingHandlers, idleTimeoutMs }),
    ];
    addPodGauges(node.metrics.registry, node);
  }

  /** A stale socket file is replaced; where another kubelet listens, ALREADY_EXISTS. What was opened before a failure is closed. */
  async listen(): Promise<void> {
    const { path, node, ports } = this.#parts;
    try {
      await prepareSocketFile(path);
      const enableSystemLogQuery = ports?.enableSystemLogQuery ?? false;
      const router = socketRoutes(node, { ...defaultServerOptions, enableSystemLogQuery });
      await this.#listen({ path }, { serverType: 'socket', router, sessions: this.#sessions[0] });
      await chmod(path, 0o600);
      if (ports) await this.#listenOnPorts(ports);
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  /** Removes the socket file, and ends the connections that are open. */
  async close(): Promise<void> {
    this.#end.abort();
    for (const sessions of this.#sessions) sessions.close();
    await Promise.all(this.#listeners.splice(0).map((listener) => listener.close()));
  }

  async #listenOnPorts(ports: KubeletServerOptions): Promise<void> {
    const { node } = this.#parts;
    const { enableServer, address: host, readOnlyPort, healthzBindAddress, healthzPort } = ports;
    if (enableServer) await this.#listenOnTlsPort(ports);
    if (readOnlyPort > 0) {
      const place = { host, port: readOnlyPort, fields: { host: 'address', port: 'readOnlyPort' } };
      await this.#listen(place, { serverType: 'readonly', router: readOnlyRoutes(node) });
    }
    if (healthzPort > 0) {
      const place = { host: healthzBindAddress, port: healthzPort, fields: { host: 'healthzBindAddress', port: 'healthzPort' } };
      await this.#listen(place, { serverType: 'healthz', router: healthRoutes() });
    }
  }

  async #listenOnTlsPort(ports: KubeletServerOptions): Promise<void> {
    const { node, log, clock = systemClock } = this.#parts;
    const guard = new RequestGuard({ ...ports, nodeName: node.nodeName, clock, log });
    const tls = await tlsOptions(ports, node.kubeletRoot, node.nodeName);
    const listener = await this.#listen(
      { host: ports.address, port: ports.port, fields: { host: 'address', port: 'port' } },
      { serverType: 'readwrite', router: allRoutes(node, ports), sessions: this.#sessions[1], guard, tls },
    );
    void this.#followCertificates(ports, listener);
  }

  async #listen(place: { path: string } | PortPlace, options: Omit<HttpListenerOptions, 'metrics'>): Promise<HttpListener> {
    const listener = new HttpListener({ ...options, metrics: this.#parts.node.metrics.http });
    await listener.listen(place);
    this.#listeners.push(listener);
    return listener;
  }

  /** Certificates and authorities are renewed by replacing their files. A file that can't be used changes nothing. */
  async #followCertificates(ports: KubeletServerOptions, listener: HttpListener): Promise<void> {
    const { node, log } = this.#parts;
    const paths = [ports.tlsCertFile, ports.tlsPrivateKeyFile, ports.authentication.x509.clientCAFile].filter((path) => path !== undefined);
    if (paths.length === 0) return;
    for await (const _look of new FileWatch({ paths, rescanMs: certificateRescanMs, settleMs: 100 }).changes(this.#end.signal)) {
      try {
        listener.renew(await tlsOptions(ports, node.kubeletRoot, node.nodeName));
      } catch (error) {
        log.error({ err: error }, 'the new certificate is not used');
      }
    }
  }
}
