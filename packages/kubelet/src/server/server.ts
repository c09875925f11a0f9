import { once } from 'node:events';
import { chmod } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { PluginError } from '@berth/sdk/errors';
import { prepareSocketFile } from '@berth/sdk/socket-file';
import { containerLogs } from './container-logs.ts';
import { execSync } from './exec-sync.ts';
import { findPod } from './find-pod.ts';
import type { NodeView } from './node-view.ts';
import { flag, Router, sendJson } from './router.ts';
import { SessionProxy } from './session-proxy.ts';

/** The kubelet's HTTP server, on a unix socket (0600, in a directory 0700). Routes that a standard kubelet has are named as there. */
export class KubeletServer {
  readonly #path: string;
  readonly #server: Server;
  readonly #sessions: SessionProxy;

  constructor(path: string, node: NodeView) {
    this.#path = path;
    const router = routes(node);
    this.#sessions = new SessionProxy(node);
    this.#server = createServer((request, response) => void router.handle(request, response));
    this.#server.on('upgrade', (request, socket, head) => void this.#sessions.handle(request, socket, head));
  }

  /** A stale socket file is replaced; where another kubelet listens, ALREADY_EXISTS. */
  async listen(): Promise<void> {
    await prepareSocketFile(this.#path);
    this.#server.listen(this.#path);
    await once(this.#server, 'listening').catch((thrown) => {
      throw PluginError.from(thrown, 'INTERNAL', { object: `socket ${this.#path}` });
    });
    await chmod(this.#path, 0o600);
  }

  /** Removes the socket file, and ends the connections that are open. */
  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    this.#sessions.close();
    await closed;
  }
}

function routes(node: NodeView): Router {
  return new Router()
    .get('/healthz', ({ response }) => void response.writeHead(200, { 'content-type': 'text/plain' }).end('ok'))
    .get('/healthz/syncloop', ({ response }) => {
      const problems = node.unhealthy();
      response.writeHead(problems.length > 0 ? 500 : 200, { 'content-type': 'text/plain' }).end(problems.join('\n') || 'ok');
    })
    .get('/pods', ({ response }) => sendJson(response, { apiVersion: 'v1', kind: 'PodList', metadata: {}, items: node.pods() }))
    .get('/events', ({ response }) => sendJson(response, { apiVersion: 'v1', kind: 'EventList', metadata: {}, items: node.events() }))
    .get('/stats/summary', async ({ query, response, signal }) => {
      sendJson(response, await node.stats.summary({ onlyCpuAndMemory: flag(query, 'only_cpu_and_memory'), maxAgeMs: 0, signal }));
    })
    .get('/containerLogs/{namespace}/{pod}/{container}', (exchange) => containerLogs(node, exchange))
    .post('/run/{namespace}/{pod}/{container}', (exchange) => execSync(node, exchange))
    .get('/trace/{namespace}/{pod}', ({ params, response }) => {
      sendJson(response, node.trace(findPod(node, params)) ?? { records: [], open: [], sandboxIds: [] });
    })
    .get('/explain/{namespace}/{pod}', ({ params, response }) => sendJson(response, node.explain(findPod(node, params))));
}
