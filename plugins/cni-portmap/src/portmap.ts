import type { PluginRequest } from '@berth/sdk/cni/plugin';
import { cniPlugin } from '@berth/sdk/cni/plugin';
import { CniError, errorCodes, isObject } from '@berth/sdk/cni/types';
import { settleAll } from '@berth/sdk/settle-all';
import { choosePortMapper, everyPortMapper, findProblem } from './choose-port-mapper.ts';
import { readConfiguration, wrongConditions } from './configuration.ts';
import { type Forwarding, objectOf, planForwarding } from './forwarding.ts';
import { findLocalnetDevice, routeLocalnet, routesLocalnet } from './localnet.ts';
import type { PortMapper } from './port-mapper.ts';
import { endStaleConnections } from './stale-connections.ts';

/** Leads ports of the host to a container that the plugins before it in the chain have connected. */
export const plugin = cniPlugin({
  name: 'portmap',

  async add(request) {
    const planned = await plan(request);
    if (planned) await map(planned);
    return request.prevResult ?? {};
  },

  // Without a look at the rest of its configuration: what one with other keys, another back end or other ports made goes too.
  async del(request) {
    if (saysNoPorts(request)) return;
    const owner = { network: request.config.name ?? '', containerId: request.containerId };
    await settleAll(everyPortMapper.map((portMapper) => portMapper.remove(owner)));
  },

  async check(request) {
    const planned = await plan(request);
    if (!planned) return;
    const { forwarding, portMapper } = planned;
    const missing = await portMapper.missing(forwarding);
    const device = forwarding.localnetDevice;
    if (device !== undefined && !routesLocalnet(device)) missing.push(`route_localnet of interface ${device}`);
    if (missing.length === 0) return;
    throw new CniError(errorCodes.internal, `lack ${missing.join(', ')}`, { object: objectOf(request), hint: 'run DEL and ADD again' });
  },

  async gc({ config, validAttachments }) {
    const valid = validAttachments.map(({ containerId }) => containerId);
    await settleAll(everyPortMapper.map((portMapper) => portMapper.removeStale(config.name ?? '', valid)));
  },

  async status({ config }) {
    const problem = await findProblem(readConfiguration(config));
    if (problem) throw problem;
  },
});

interface Plan {
  forwarding: Forwarding;
  portMapper: PortMapper;
}

async function plan(request: PluginRequest): Promise<Plan | undefined> {
  const configuration = readConfiguration(request.config);
  const forwarding = planForwarding(request, configuration);
  if (!forwarding) return undefined;
  const [portMapper, localnetDevice] = await Promise.all([choosePortMapper(configuration), findLocalnetDevice(forwarding)]);
  return { portMapper, forwarding: { ...forwarding, ...(localnetDevice === undefined ? {} : { localnetDevice }) } };
}

async function map({ forwarding, portMapper }: Plan): Promise<void> {
  try {
    await portMapper.map(forwarding);
    // The rules are there already, among them the one that keeps containers from the host's 127.0.0.1.
    if (forwarding.localnetDevice !== undefined) routeLocalnet(forwarding.localnetDevice);
  } catch (thrown) {
    // The first failure is the one to tell, unless the cause is known better.
    await portMapper.remove(forwarding).catch(() => undefined);
    throw (await refusedConditions({ forwarding, portMapper }).catch(() => undefined)) ?? thrown;
  }
  await endStaleConnections(forwarding);
}

/** The error of conditions that no rule can have; undefined where they aren't what has failed. The back end alone knows its language. */
async function refusedConditions({ forwarding, portMapper }: Plan): Promise<CniError | undefined> {
  for (const { prefix, mappings } of forwarding.targets) {
    const { family } = prefix.address;
    const conditions = forwarding.options.conditions[family];
    if (conditions.length === 0) continue;
    for (const protocol of new Set(mappings.map((mapping) => mapping.protocol))) {
      const why = await portMapper.whyRefused(family, protocol, conditions);
      if (why !== undefined) return wrongConditions(`conditionsV${family}`, `${JSON.stringify(conditions)} is no condition: ${why}`);
    }
  }
  return undefined;
}

/** Whether the runtime knows the attachment by its result, and says as it said to ADD that it has no ports: no rules are looked for then. */
function saysNoPorts({ config: { runtimeConfig }, prevResult }: PluginRequest): boolean {
  if (!prevResult) return false;
  const ports = isObject(runtimeConfig) ? runtimeConfig.portMappings : undefined;
  return Array.isArray(ports) && ports.length === 0;
}
