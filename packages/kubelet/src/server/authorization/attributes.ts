import type { User } from '../authentication/authenticator.ts';
import type { Attributes } from './authorizer.ts';

const verbs: Record<string, Attributes['verb']> = {
  GET: 'get',
  HEAD: 'get',
  OPTIONS: 'get',
  POST: 'create',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};

/** Paths of which kubelet (server/auth.go) asks for a right of their own instead of `proxy`. */
const own: Record<string, string> = {
  stats: 'stats',
  metrics: 'metrics',
  logs: 'log',
  checkpoint: 'checkpoint',
  statusz: 'statusz',
  flagz: 'flagz',
};

/** Paths of which a finer right will do, where `proxy` did before there was one. */
const finer: Record<string, string> = { pods: 'pods', runningpods: 'pods', healthz: 'healthz', configz: 'configz' };

/** What has to be allowed for a request: any of these. */
export function attributesOf(user: User, method: string, pathname: string, nodeName: string): Attributes[] {
  const first = pathname.split('/')[1] ?? '';
  const subresources = own[first] ? [own[first]] : [...(finer[first] ? [finer[first]] : []), 'proxy'];
  return subresources.map((subresource) => ({
    user,
    verb: verbs[method] ?? 'get',
    apiGroup: '',
    apiVersion: 'v1',
    resource: 'nodes',
    subresource,
    name: nodeName,
    path: pathname,
  }));
}
