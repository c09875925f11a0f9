import { requireNetworkNamespace } from '@berth/sdk/cni/network-namespace';
import { withNetwork } from '@berth/sdk/cni/open-network';
import type { PluginRequest } from '@berth/sdk/cni/plugin';
import { cniPlugin } from '@berth/sdk/cni/plugin';
import type { Result } from '@berth/sdk/cni/types';
import { CniError, errorCodes } from '@berth/sdk/cni/types';
import { UndoStack } from '@berth/sdk/cni/undo-stack';
import { isNamespaceFile } from '@berth/sdk/namespace-file';
import { settleAll } from '@berth/sdk/settle-all';
import { attachmentOf, nameInterface } from './attachment.ts';
import { check } from './check/check.ts';
import { collectGarbage } from './collect-garbage.ts';
import type { Configuration, Removal } from './configuration.ts';
import { readConfiguration, readIpam, readRemoval } from './configuration.ts';
import { Connection, type Port } from './connection.ts';
import { addMacSpoofCheck, removeMacSpoofCheck } from './mac-spoof-check.ts';
import { addMasquerade, removeMasquerade } from './masquerade/masquerade.ts';
import type { NetworkPlan } from './plan.ts';
import { planNetwork } from './plan.ts';
import { status } from './status.ts';

/** Connects containers to a bridge of this host, which can be their gateway. */
export const plugin = cniPlugin({
  name: 'bridge',

  async add(request) {
    const configuration = readConfiguration(request);
    requireNetworkNamespace(request.netns);
    const undo = new UndoStack();
    const connection = new Connection(request, configuration, undo);
    try {
      return await add(request, configuration, connection, undo);
    } catch (thrown) {
      await undo.run();
      throw thrown;
    } finally {
      connection.close();
    }
  },

  async del(request) {
    const removal = readRemoval(request);
    await settleAll([...removeRules(request, removal), release(request), removeInterface(request, removal)]);
  },

  check: (request) => check(request, readConfiguration(request)),
  gc: collectGarbage,
  status: (request) => status(request, readConfiguration(request)),
});

async function add(request: PluginRequest, configuration: Configuration, connection: Connection, undo: UndoStack): Promise<Result> {
  const { ipam, ipMasq, dns } = configuration;
  // Before the address: an attachment that is there already is refused here, and keeps its own.
  const port = await makePort(request, configuration, connection, undo);
  const given = ipam === undefined ? {} : await request.delegate(ipam).add();
  if (ipam !== undefined) undo.push(() => request.delegate(ipam).del());
  const plan = planNetwork(configuration, given);
  const masqueraded = ipMasq && plan.ips.length > 0 ? masquerade(request, configuration, plan, undo) : undefined;
  masqueraded?.catch(() => undefined);
  const interfaces = await connection.configure(port, plan);
  await masqueraded;
  return {
    interfaces,
    ips: plan.ips.map(({ prefix: _, ...ip }) => ({ ...ip, interface: containerIndex })),
    routes: plan.routes,
    dns: dns ?? given.dns ?? {},
  };
}

/** Of the container's own interface in the result's list. */
const containerIndex = 2;

async function makePort(request: PluginRequest, { macspoofchk }: Configuration, connection: Connection, undo: UndoStack): Promise<Port> {
  const port = await connection.makePort();
  if (macspoofchk) {
    undo.push(() => removeMacSpoofCheck(request));
    await addMacSpoofCheck(request, port.hostVeth, port.container.mac);
  }
  return port;
}

async function masquerade(request: PluginRequest, { ipMasqBackend }: Configuration, { ips }: NetworkPlan, undo: UndoStack): Promise<void> {
  const prefixes = ips.map(({ prefix }) => prefix);
  const done = addMasquerade(ipMasqBackend, attachmentOf(request), prefixes);
  undo.push(async () => {
    await done.catch(() => undefined);
    await removeMasquerade(attachmentOf(request), ipMasqBackend);
  });
  await done;
}

function removeRules(request: PluginRequest, { ipMasq, ipMasqBackend, macspoofchk }: Removal): Promise<void>[] {
  return [
    ...(ipMasq ? [removeMasquerade(attachmentOf(request), ipMasqBackend)] : []),
    ...(macspoofchk ? [removeMacSpoofCheck(request)] : []),
  ];
}

async function release(request: PluginRequest): Promise<void> {
  const ipam = readIpam(request);
  if (ipam) await request.delegate(ipam).del();
}

/**
 * A namespace that is gone took the interface with it; a file that is left of it, or no interface in it, is as good. The kernel takes some 10 ms,
 * in which other calls and programs go on.
 */
async function removeInterface({ netns, ifName, served }: PluginRequest, { ipMasq, macspoofchk }: Removal): Promise<void> {
  if (!isNamespaceFile(netns)) return;
  const beside = served || ipMasq || macspoofchk;
  const failure = await withNetwork({ netns, beside }, (network) => network.apply([{ do: 'delete link', name: ifName }]));
  if (!failure || failure.code === 'ENODEV') return;
  throw new CniError(errorCodes.ioFailure, `can't be deleted: ${failure.reason}`, { object: nameInterface({ netns, ifName }) });
}
