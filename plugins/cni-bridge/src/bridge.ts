import { existsSync } from 'node:fs';
import { tryIpBeside } from '@berth/sdk/cni/ip-batch';
import type { PluginRequest } from '@berth/sdk/cni/plugin';
import { cniPlugin } from '@berth/sdk/cni/plugin';
import type { Result } from '@berth/sdk/cni/types';
import { CniError, errorCodes } from '@berth/sdk/cni/types';
import type { Configuration } from './configuration.ts';
import { readConfiguration, refuseUnsupported } from './configuration.ts';
import { connect } from './connect.ts';
import { addMasquerade, masqueradeRules, removeMasquerade } from './masquerade.ts';
import type { NetworkPlan } from './plan.ts';
import { planNetwork } from './plan.ts';
import { UndoStack } from './undo-stack.ts';

/** Connects containers to a bridge of this host, which can be their gateway. */
export const plugin = cniPlugin({
  name: 'bridge',

  async add(request) {
    refuseUnsupported(request.config);
    const configuration = readConfiguration(request);
    if (!existsSync(request.netns)) {
      throw new CniError(errorCodes.invalidEnvironment, `no network namespace at ${request.netns}`, { object: 'CNI_NETNS' });
    }
    const undo = new UndoStack();
    try {
      return await add(request, configuration, undo);
    } catch (thrown) {
      await undo.run();
      throw thrown;
    }
  },

  async del(request) {
    const configuration = readConfiguration(request);
    // Each goes as far as it can, whatever becomes of the other, and nothing goes on after the answer.
    const [deleted, released] = await Promise.allSettled([removeInterface(request), release(request, configuration)]);
    for (const outcome of [deleted, released]) if (outcome.status === 'rejected') throw outcome.reason;
  },
});

async function add(request: PluginRequest, configuration: Configuration, undo: UndoStack): Promise<Result> {
  const { ipam, ipMasq, dns } = configuration;
  const given = ipam === undefined ? {} : await request.delegate(ipam).add();
  if (ipam !== undefined) undo.push(() => request.delegate(ipam).del());
  const plan = planNetwork(configuration, given);
  const rules = ipMasq ? await rulesOf(request, plan) : undefined;
  const masqueraded = rules === undefined ? undefined : masquerade(request, rules, undo);
  masqueraded?.catch(() => undefined);
  const interfaces = await connect(request, configuration, plan, undo);
  await masqueraded;
  const container = interfaces.length - 1;
  return {
    interfaces,
    ips: plan.ips.map(({ prefix: _, ...ip }) => ({ ...ip, interface: container })),
    routes: plan.routes,
    dns: dns ?? given.dns ?? {},
  };
}

async function release(request: PluginRequest, { ipam, ipMasq }: Configuration): Promise<void> {
  if (ipam) await request.delegate(ipam).del();
  if (ipMasq) await removeMasquerade(attachedOf(request));
}

async function rulesOf(request: PluginRequest, { ips }: NetworkPlan): Promise<string | undefined> {
  const prefixes = ips.map(({ prefix }) => prefix);
  return prefixes.length > 0 ? masqueradeRules(attachedOf(request), prefixes) : undefined;
}

async function masquerade(request: PluginRequest, rules: string, undo: UndoStack): Promise<void> {
  const done = addMasquerade(rules);
  undo.push(async () => {
    await done.catch(() => undefined);
    await removeMasquerade(attachedOf(request));
  });
  await done;
}

/** A namespace that is gone took the interface with it; a file that is left of it, or no interface in it, is as good. */
async function removeInterface({ netns, ifName }: PluginRequest): Promise<void> {
  if (netns === '' || !existsSync(netns)) return;
  const failure = await tryIpBeside(['link', 'delete', 'dev', ifName], netns);
  if (!failure || /Cannot find device|Invalid argument/.test(failure.reason)) return;
  throw new CniError(errorCodes.ioFailure, `can't be deleted: ${failure.reason}`, { object: `interface ${ifName} in ${netns}` });
}

function attachedOf({ config, containerId, ifName }: PluginRequest) {
  return { network: config.name ?? '', containerId, ifName };
}
