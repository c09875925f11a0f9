import { text } from 'node:stream/consumers';
import { PluginError } from '@berth/sdk/errors';
import type { NodeView } from './node-view.ts';
import { type Exchange, sendText } from './router.ts';

/** PUT /debug/flags/v: the body is the verbosity, as klog's `-v`. */
export async function setVerbosity(node: NodeView, { request, response }: Exchange): Promise<void> {
  const given = (await text(request)).trim();
  if (!/^\d{1,3}$/.test(given)) {
    throw new PluginError('INVALID_ARGUMENT', `failed to set klog.logging.verbosity: ${JSON.stringify(given)} is no number`, {
      hint: 'send one from 0 (errors and warnings) to 10 (all)',
    });
  }
  node.setLogVerbosity(Number(given));
  sendText(response, 200, `successfully set klog.logging.verbosity to ${given}`);
}

/** The pino level that says about as much as klog's `-v`. */
export function levelOf(verbosity: number): 'info' | 'debug' | 'trace' {
  if (verbosity >= 6) return 'trace';
  return verbosity >= 4 ? 'debug' : 'info';
}
