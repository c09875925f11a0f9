import { PluginError } from '@berth/sdk/errors';

/** The pod that a command is about. */
export interface PodReference {
  namespace: string;
  name: string;
}

/** A pod as users write it: `web` in the namespace of -n, `other/web`, or `pod/web` as kubectl takes it. */
export function podReference(text: string, namespace: string): PodReference {
  const parts = text.split('/');
  if (parts.length > 2 || parts.includes('')) {
    throw new PluginError('INVALID_ARGUMENT', 'is no name of a pod', { object: text, hint: 'write NAME, or NAMESPACE/NAME' });
  }
  const [first = '', second] = parts;
  if (second === undefined) return { namespace, name: first };
  return first === 'pod' || first === 'pods' ? { namespace, name: second } : { namespace: first, name: second };
}
