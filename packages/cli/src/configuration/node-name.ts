import { hostname } from 'node:os';
import { checkDnsSubdomain } from '@berth/api/names';
import { PluginError } from '@berth/sdk/errors';

/** A node's name as kubelet takes it: without blanks around it, in lower case. */
export function normalNodeName(name: string): string {
  return name.trim().toLowerCase();
}

/** The host's name as that of a node; FAILED_PRECONDITION where it can't be one. */
export function hostNodeName(name = hostname()): string {
  const normal = normalNodeName(name);
  const [problem] = checkDnsSubdomain(normal);
  if (problem === undefined) return normal;
  throw new PluginError('FAILED_PRECONDITION', `it can't be a node's name: ${problem}`, {
    object: `the host's name ${JSON.stringify(name)}`,
    hint: 'give the node another one: --hostname-override, or nodeName in berth.yaml',
  });
}
