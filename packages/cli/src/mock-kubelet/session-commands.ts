import { PluginError } from '@berth/sdk/errors';
import type { AllocatedDevices, MockKubelet, ResourceStatus, WantedDevices } from '@berth/sdk/mock-kubelet';
import { shortened } from '@berth/sdk/quoted';
import { allocatedLines } from './allocated-lines.ts';
import type { SessionCommand } from './session-command.ts';
import { driverLines, helpLines, resourceLines } from './status-lines.ts';

/** What may be typed in a session, by name. `quit` is the session's own. */
export const sessionCommands: Readonly<Record<string, SessionCommand>> = {
  resources: {
    usage: '',
    description: 'the resources that device plugins have registered, and their devices',
    run: (_words, { kubelet }) => {
      const resources = [...kubelet.resources().values()];
      return { result: resources, lines: resourceLines(resources) };
    },
  },
  drivers: {
    usage: '',
    description: 'the CSI drivers that have registered, and what they answered',
    run: (_words, { kubelet }) => {
      const drivers = [...kubelet.drivers().values()];
      return { result: drivers, lines: driverLines(drivers) };
    },
  },
  allocate: {
    usage: 'RESOURCE COUNT | RESOURCE ID... | RESOURCE ids ID...',
    description: 'gives devices to a new container, as a kubelet does; "ids" before ids that are numbers',
    run: async ([resource, ...words], { kubelet, signal }) => {
      const allocated = await kubelet.allocate(named(resource, 'allocate'), wantedDevices(words), { signal });
      return { result: allocated, lines: allocatedLines(allocated) };
    },
  },
  prestart: {
    usage: 'RESOURCE ID...',
    description: 'has allocated devices readied, as before each start of their container',
    run: async ([resource, ...ids], { kubelet, signal }) => {
      await kubelet.preStart(named(resource, 'prestart'), ids, signal);
      return { result: { resource, ids }, lines: [`${resource} ${ids.map(shortened).join(' ')} ready for a start`] };
    },
  },
  free: {
    usage: 'CONTAINER... | all',
    description: 'takes the devices of containers back',
    run: (words, { kubelet }) => {
      const freed = containersOf(words, kubelet).flatMap((container) => kubelet.free(container));
      return {
        result: freed,
        lines: freed.map(({ container, resource, ids }) => `${container} has given back ${resource} ${ids.map(shortened).join(' ')}`),
      };
    },
  },
  wait: {
    usage: 'RESOURCE [COUNT] | DRIVER',
    description: 'until a resource has so many healthy devices (default 1; 0: none any more), or a CSI driver is registered',
    run: async ([name, count], { kubelet, signal, waitMs }) => {
      const { what, isThere } = awaited(named(name, 'wait'), count);
      await kubelet.waitFor(isThere, { what, signal, deadlineMs: waitMs });
      return { result: { name, what }, lines: [`${what}: there`] };
    },
  },
  stop: command('the kubelet ends: its socket goes', (kubelet) => kubelet.stop()),
  start: command('the kubelet begins: old sockets go, and plugins have to register', (kubelet) => kubelet.start()),
  restart: command('stop and start', (kubelet) => kubelet.restart()),
  help: {
    usage: '',
    description: 'these commands',
    run: () => ({ result: Object.keys(sessionCommands), lines: helpLines(sessionCommands) }),
  },
};

/** One whose effect the kubelet's own events tell. */
function command(description: string, work: (kubelet: MockKubelet) => Promise<void>): SessionCommand {
  const run: SessionCommand['run'] = async (_words, { kubelet }) => {
    await work(kubelet);
    return { result: null, lines: [] };
  };
  return { usage: '', description, run };
}

function named(word: string | undefined, name: string): string {
  if (word !== undefined) return word;
  throw new PluginError('INVALID_ARGUMENT', 'it lacks a name', { object: name, hint: `write ${name} ${sessionCommands[name]?.usage}` });
}

function wantedDevices(words: readonly string[]): WantedDevices {
  const [first = '', ...others] = words;
  if (first === 'ids' && others.length > 0) return { ids: others };
  if (others.length === 0 && /^\d+$/.test(first)) return { count: Number(first) };
  return { ids: words };
}

function containersOf(words: readonly string[], kubelet: MockKubelet): string[] {
  if (words.length === 1 && words[0] === 'all')
    return [...new Set(kubelet.allocated().map(({ container }: AllocatedDevices) => container))];
  return [named(words[0], 'free'), ...words.slice(1)];
}

type View = Pick<MockKubelet, 'resources' | 'drivers'>;

/** What `wait` waits for: a name with "/" is a resource's. */
function awaited(name: string, count = '1'): { what: string; isThere(view: View): boolean } {
  if (!name.includes('/')) return { what: `CSI driver ${name}`, isThere: ({ drivers }) => drivers().has(name) };
  if (!/^\d+$/.test(count))
    throw new PluginError('INVALID_ARGUMENT', `${count} is no number of devices`, { object: 'wait', hint: `write wait ${name} 1` });
  const wanted = Number(count);
  if (wanted === 0) return { what: `no healthy device of ${name}`, isThere: ({ resources }) => healthy(resources().get(name)) === 0 };
  return { what: `${wanted} healthy of ${name}`, isThere: ({ resources }) => healthy(resources().get(name)) >= wanted };
}

function healthy(status: ResourceStatus | undefined): number {
  return status?.devices.filter((device) => device.healthy).length ?? 0;
}
