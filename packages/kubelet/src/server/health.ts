import type { HealthCheck } from '../metrics/slis.ts';
import type { NodeView } from './node-view.ts';
import { type Exchange, type Router, sendText } from './router.ts';

/** `/healthz`, `/healthz/NAME` and `?verbose`, `?exclude=NAME` as in Kubernetes' components; why something isn't well is told only in the log. */
export function addHealthRoutes(router: Router, checks: HealthCheck[]): Router {
  const answer = ({ query, response }: Exchange, chosen: HealthCheck[], path: string): void => {
    const excluded = query.getAll('exclude');
    const results = chosen.filter(([name]) => !excluded.includes(name)).map(([name, trouble]) => ({ name, well: trouble() === undefined }));
    const lines = results.map(({ name, well }) => (well ? `[+]${name} ok\n` : `[-]${name} failed: reason withheld\n`)).join('');
    if (results.some(({ well }) => !well)) sendText(response, 500, `${lines}${path} check failed\n`);
    else sendText(response, 200, query.has('verbose') ? `${lines}${path} check passed\n` : 'ok');
  };
  router.get('/healthz', (exchange) => answer(exchange, checks, 'healthz'));
  for (const check of checks) router.get(`/healthz/${check[0]}`, (exchange) => answer(exchange, [check], `healthz/${check[0]}`));
  return router;
}

/** What makes this node's kubelet well. */
export function healthChecks(node: Pick<NodeView, 'unhealthy'>): HealthCheck[] {
  return [
    ['ping', () => undefined],
    // Lines are written as they are logged: there is no flush that could be stuck.
    ['log', () => undefined],
    ['syncloop', () => node.unhealthy()[0]],
  ];
}
