import type { Container, Pod } from '@berth/api/objects';
import { PluginError } from '@berth/sdk/errors';
import { specOf } from '../pod.ts';
import type { RuntimeClient } from '../runtime/runtime-client.ts';

/** The running container that a probe or a hook is about. */
export interface HandlerTarget {
  pod: Pod;
  container: Container;
  containerId: string;
  client: RuntimeClient;
  /** The pod's address now; undefined: it has none. */
  podIP: string | undefined;
  /** How long a runtime may take to answer, besides the time that a command is given. */
  requestTimeoutMs: number;
}

/** The host that a handler goes to: its own, or the pod's address. FAILED_PRECONDITION for a pod that has none. */
export function hostOf({ pod, podIP }: HandlerTarget, host: string | undefined): string {
  if (host) return host;
  if (podIP) return podIP;
  // Without an address by which others reach it, the host still has its own.
  if (specOf(pod).hostNetwork) return '127.0.0.1';
  throw new PluginError('FAILED_PRECONDITION', 'the pod has no address', {
    object: `pod ${pod.metadata?.name}`,
    hint: 'use a runtime whose pods have a network, or give a host',
  });
}

/** The number of a port, which may be the name of one of the container's. INVALID_ARGUMENT for one that is none. */
export function portOf({ container }: HandlerTarget, port: number | string): number {
  const named = (container.ports ?? []).find(({ name }) => name === port)?.containerPort;
  const number = named ?? Number(port);
  if (Number.isInteger(number) && number > 0 && number < 65_536) return number;
  throw new PluginError('INVALID_ARGUMENT', `there is no port ${JSON.stringify(port)}`, {
    object: `container ${container.name}`,
    hint: 'give a number from 1 to 65535, or the name of one of its ports',
  });
}

/** `host:port`, an IPv6 address in brackets. */
export function authority(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
