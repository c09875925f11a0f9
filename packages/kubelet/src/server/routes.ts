import { addMetricsRoutes } from '../metrics/routes.ts';
import { checkpoint } from './checkpoint.ts';
import { containerLogs } from './container-logs.ts';
import { execSync } from './exec-sync.ts';
import { findPod } from './find-pod.ts';
import { addHealthRoutes, healthChecks } from './health.ts';
import type { NodeView } from './node-view.ts';
import { flag, Router, sendJson, sendText } from './router.ts';
import type { KubeletServerOptions } from './server-options.ts';
import { systemLog } from './system-log.ts';
import { setVerbosity } from './verbosity.ts';

/** Which of the routes that can be turned off are on. */
type EnabledRoutes = Pick<
  KubeletServerOptions,
  'enableDebuggingHandlers' | 'enableSystemLogHandler' | 'enableSystemLogQuery' | 'enableDebugFlagsHandler'
>;

/** Exec, attach and port-forward need a connection of their own (session-proxy.ts); asked for in any other way, they say so. */
const sessions = [
  '/exec/{namespace}/{pod}/{container}',
  '/exec/{namespace}/{pod}/{uid}/{container}',
  '/attach/{namespace}/{pod}/{container}',
  '/attach/{namespace}/{pod}/{uid}/{container}',
  '/portForward/{namespace}/{pod}',
  '/portForward/{namespace}/{pod}/{uid}',
];

/** Health alone. */
export function healthRoutes(): Router {
  return addHealthRoutes(new Router(), [['ping', () => undefined]]);
}

/** Figures, health and pods: what the read-only port has. */
export function readOnlyRoutes(node: NodeView): Router {
  const router = new Router()
    .get('/pods', ({ response }) => sendJson(response, podList(node.pods())))
    .get('/pods/', ({ response }) => sendJson(response, podList(node.pods())))
    .get('/stats/summary', async ({ query, response, signal }) => {
      sendJson(response, await node.stats.summary({ onlyCpuAndMemory: flag(query, 'only_cpu_and_memory'), maxAgeMs: 0, signal }));
    });
  addHealthRoutes(router, healthChecks(node));
  return addMetricsRoutes(router, node);
}

/** All of kubelet's. */
export function allRoutes(node: NodeView, enabled: EnabledRoutes): Router {
  const router = readOnlyRoutes(node)
    .get('/configz', ({ response }) => {
      const configuration = node.configuration();
      if (configuration) sendJson(response, { kubeletconfig: configuration });
      else sendText(response, 404, 'this node was started without a KubeletConfiguration\n');
    })
    .post('/checkpoint/{namespace}/{pod}/{container}', (exchange) => checkpoint(node, exchange));
  addDebuggingRoutes(router, node, enabled);
  return router;
}

/** Besides those, what only Berth's own commands ask for. */
export function socketRoutes(node: NodeView, enabled: EnabledRoutes): Router {
  return allRoutes(node, enabled)
    .get('/node', ({ response }) => sendJson(response, node.self()))
    .get('/devices', ({ response }) => sendJson(response, { items: node.devices() }))
    .get('/events', ({ response }) => sendJson(response, { apiVersion: 'v1', kind: 'EventList', metadata: {}, items: node.events() }))
    .get('/trace/{namespace}/{pod}', ({ params, response }) => {
      sendJson(response, node.trace(findPod(node, params)) ?? { records: [], open: [], sandboxIds: [] });
    })
    .get('/explain/{namespace}/{pod}', ({ params, response }) => sendJson(response, node.explain(findPod(node, params))));
}

function addDebuggingRoutes(router: Router, node: NodeView, enabled: EnabledRoutes): void {
  const { enableDebuggingHandlers, enableSystemLogHandler, enableSystemLogQuery, enableDebugFlagsHandler } = enabled;
  if (!enableDebuggingHandlers) {
    for (const first of ['run', 'exec', 'attach', 'portForward', 'containerLogs', 'runningpods', 'logs', 'debug']) {
      refuse(router, `/${first}/{path...}`, 'Debug endpoints are disabled.');
    }
    return;
  }
  router
    .get('/containerLogs/{namespace}/{pod}/{container}', (exchange) => containerLogs(node, exchange))
    .get('/runningpods/', async ({ response, signal }) => sendJson(response, podList(await node.runningPods(signal))))
    .post('/run/{namespace}/{pod}/{container}', (exchange) => execSync(node, exchange))
    .post('/run/{namespace}/{pod}/{uid}/{container}', (exchange) => execSync(node, exchange));
  for (const pattern of sessions) router.any(pattern, ({ response }) => sendText(response, 400, 'Upgrade request required\n'));
  if (enableSystemLogHandler) router.get('/logs/{path...}', (exchange) => systemLog(node.nodeLogDir, enableSystemLogQuery, exchange));
  else refuse(router, '/logs/{path...}', 'logs endpoint is disabled.');
  if (enableDebugFlagsHandler) router.put('/debug/flags/v', (exchange) => setVerbosity(node, exchange));
  else refuse(router, '/debug/flags/v', 'flags endpoint is disabled.');
}

/** kubelet's words for what is turned off. */
function refuse(router: Router, pattern: string, words: string): void {
  router.any(pattern, ({ response }) => sendText(response, 405, `${words}\n`));
}

function podList(items: object[]): object {
  return { apiVersion: 'v1', kind: 'PodList', metadata: {}, items };
}
