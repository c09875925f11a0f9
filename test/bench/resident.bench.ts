// npm run bench -- resident [--vs containerd] [--count N] [--seconds N] [--json] [--check]
// What a CRI server takes while many pods run and nobody asks it for anything: memory, and time of the processor.
import { readdirSync, readFileSync } from 'node:fs';
import { NamespaceMode } from '@berth/sdk/cri';
import { Option } from 'commander';
import { wholeNumber } from '../../packages/cli/src/commands/arguments.ts';
import { removeCgroups } from '../fixtures/cgroups.ts';
import { type CriServer, startContainerd, startShim } from '../fixtures/cri-servers.ts';
import { type Bar, checkBars } from './bars.ts';
import { benchOptions } from './bench-options.ts';
import { Pods } from './bench-pods.ts';
import { concurrently } from './concurrently.ts';
import { interruptible, pauseForInterruption, waitOrInterruption } from './interruption.ts';
import { processorSeconds, residentMegabytes } from './processor-time.ts';
import { describeHost, ratiosOf, report } from './report.ts';

const bars: Bar[] = [
  { figure: 'server resident MB', of: 'ours', atMost: 120 },
  { figure: 'idle CPU, % of a core', of: 'ours', atMost: 1 },
];

/** After the last pod is there: collections of garbage, and ends of what is kept for the next call. */
const settleMs = 15_000;
const concurrency = 8;

const options = benchOptions<{ vs?: 'containerd'; count: number; seconds: number }>('resident', (command) =>
  command
    .addOption(new Option('--vs <peer>', 'measure this CRI server too').choices(['containerd']))
    .option('--count <n>', 'how many pods', wholeNumber, 100)
    .option('--seconds <n>', 'how long it is watched at rest', wholeNumber, 20),
);

/** `monitor`: the name of the processes, one a pod, that watch containers for the server. */
async function measureServer(server: CriServer, monitor: string): Promise<Record<string, number>> {
  try {
    return await measure(server, monitor);
  } finally {
    await server.stop();
    removeCgroups('/berth-bench');
  }
}

async function measure(server: CriServer, monitor: string): Promise<Record<string, number>> {
  const pods = new Pods(server.endpoint, NamespaceMode.CONTAINER);
  try {
    const up = await concurrently(Array.from({ length: options.count }), concurrency, () => pods.up());
    await waitOrInterruption(settleMs);
    const pid = await server.pid();
    const before = processorSeconds(pid);
    await waitOrInterruption(options.seconds * 1000);
    const figures = {
      'server resident MB': residentMegabytes(pid),
      'monitors resident MB, all': monitorsMegabytes(monitor),
      'idle CPU, % of a core': ((processorSeconds(pid) - before) / options.seconds) * 100,
    };
    await concurrently(up, concurrency, (pod) => pods.down(pod.sandboxId, pod.containerId));
    return figures;
  } finally {
    await pods.close();
  }
}

function monitorsMegabytes(name: string): number {
  const sizes = readdirSync('/proc').map((pid) => {
    try {
      // The kernel keeps 15 characters of a name.
      return readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === name.slice(0, 15) ? residentMegabytes(pid) : 0;
    } catch {
      return 0;
    }
  });
  return sizes.reduce((sum, size) => sum + size, 0);
}

await interruptible(async () => {
  const ours = await measureServer(await startShim('runc', {}, { ownProcessGroup: true }), 'conmon');
  pauseForInterruption();
  const peer = options.vs ? await measureServer(await startContainerd(), 'containerd-shim-runc-v2') : undefined;
  const figures = { ours, ...(peer && { peer, ratios: ratiosOf(ours, peer) }) };
  report({ name: 'resident', host: describeHost(), ...figures, bars: checkBars(bars, figures) }, options);
});
