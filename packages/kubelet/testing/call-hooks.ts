import { PluginError } from '@berth/sdk/errors';
import type { CallContext } from '@berth/sdk/serve';

type Fault = (context: CallContext) => Promise<void> | void;

/** What a test sees of the calls to a runtime, and does to them. */
export class CallHooks {
  /** Every call that makes or ends something, in order: `CreateContainer web`. */
  readonly calls: string[] = [];
  /** By RPC: what happens before it is answered. */
  readonly faults = new Map<string, Fault>();
  /** By RPC: what is answered without anything being done. */
  readonly lies = new Map<string, (request: never) => object>();

  /** A call that only asks. */
  async asked(rpc: string, context: CallContext): Promise<void> {
    await this.faults.get(rpc)?.(context);
  }

  /** A call that makes or ends something. */
  async called(rpc: string, subject: string | undefined, context: CallContext): Promise<void> {
    this.calls.push(`${rpc} ${subject}`);
    await this.asked(rpc, context);
  }

  /** The same service, but for its lies. Answers that are streams aren't lied about. */
  lying<T extends object>(implementation: T): T {
    const methods = Object.entries(implementation).map(([name, method]) => {
      const rpc = name.charAt(0).toUpperCase() + name.slice(1);
      if (rpc === 'GetContainerEvents') return [name, method];
      return [name, (request: never, context: CallContext) => (this.lies.get(rpc) ?? method)(request, context)];
    });
    return Object.fromEntries(methods) as T;
  }
}

/** NOT_FOUND for what the runtime doesn't have. */
export function found<T>(object: T | undefined, id: string): T {
  if (!object) throw new PluginError('NOT_FOUND', 'there is none', { object: id });
  return object;
}
