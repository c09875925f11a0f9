import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { type ContainerConfig, ContainerState, type ContainerStatus, type LinuxContainerSecurityContext } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import type { Mutation } from '../mutant-server.ts';

/** A server that breaks one rule, and the case that has to notice. */
export interface Mutant {
  breaks: string;
  caughtBy: string;
  /** Part of the reason that the case gives: it fails for what is broken, not for something else. */
  saying: string;
  mutation: Mutation;
}

/** What CreateContainer passes on is another configuration than the client's. */
export function creating(change: (config: ContainerConfig) => ContainerConfig): Mutation {
  return ({ runtime }) => ({
    runtime: {
      createContainer: (request) => runtime.createContainer({ ...request, config: request.config && change(request.config) }),
    },
  });
}

/** The same for its security context. */
export function securing(change: Partial<LinuxContainerSecurityContext>): Mutation {
  return creating((config) => {
    const securityContext = config.linux?.securityContext;
    if (!config.linux || !securityContext) return config;
    return { ...config, linux: { ...config.linux, securityContext: { ...securityContext, ...change } } };
  });
}

/** ContainerStatus says something else than what is. */
export function telling(change: (status: ContainerStatus) => ContainerStatus): Mutation {
  return ({ runtime }) => ({
    runtime: {
      async containerStatus(request) {
        const response = await runtime.containerStatus(request);
        return { ...response, status: response.status && change(response.status) };
      },
    },
  });
}

/** The log of a container that has ended is changed, once. */
export function rewritingLogs(change: (text: string) => string): Mutation {
  const done = new Set<string>();
  return telling((status) => {
    if (status.state === ContainerState.CONTAINER_EXITED && existsSync(status.logPath) && !done.has(status.id)) {
      done.add(status.id);
      writeFileSync(status.logPath, change(readFileSync(status.logPath, 'utf8')));
    }
    return status;
  });
}

export function notFound(id: string): PluginError {
  return new PluginError('NOT_FOUND', 'there is none', { object: id });
}

/** Refuses a second call about the same id. */
export function once(): (id: string) => void {
  const seen = new Set<string>();
  return (id) => {
    if (seen.has(id)) throw notFound(id);
    seen.add(id);
  };
}
