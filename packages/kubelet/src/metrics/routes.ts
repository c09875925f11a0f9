import { release } from 'node:os';
import { healthChecks } from '../server/health.ts';
import type { NodeView } from '../server/node-view.ts';
import type { Router } from '../server/router.ts';
import { CgroupTree } from '../stats/cgroup-tree.ts';
import { cadvisorMetrics } from './cadvisor-metrics.ts';
import { resourceMetrics } from './resource-metrics.ts';

/** Prometheus' text format. */
const contentType = 'text/plain; version=0.0.4; charset=utf-8';

/** The kubelet's figures of itself, of the node and its pods. */
export function addMetricsRoutes(router: Router, node: NodeView): Router {
  const { metrics, stats } = node;
  const tree = new CgroupTree();
  const get = (path: string, text: (signal: AbortSignal) => Promise<string>): void => {
    router.get(path, async ({ response, signal }) => {
      const body = await text(signal);
      response.writeHead(200, { 'content-type': contentType }).end(body);
    });
  };
  get('/metrics', () => metrics.registry.metrics());
  get('/metrics/probes', () => metrics.probes.metrics());
  get('/metrics/slis', () => metrics.slis.text(healthChecks(node)));
  get('/metrics/resource', async (signal) => resourceMetrics(await stats.reading({ onlyCpuAndMemory: true, signal })));
  get('/metrics/cadvisor', async (signal) => {
    const reading = await stats.reading({ signal });
    return cadvisorMetrics(reading, await stats.details(reading, signal), tree, release());
  });
  return router;
}
