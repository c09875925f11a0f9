import { runCriSuite } from '@berth/conformance/cri';
import type { Report } from '@berth/conformance/suite';
import { describe, expect, it } from 'vitest';
import { removeCgroups } from '../fixtures/cgroups.ts';
import { containerdMissing } from '../fixtures/containerd.ts';
import { type RestartingServer, startContainerd } from '../fixtures/cri-servers.ts';

const cgroupParent = `/berth-conformance-${process.pid}`;
const timeLimitMs = 300_000;
const unknownIsAnError = 'containerd 1.6 answers NOT_FOUND for what it does not know; 1.7 made stops idempotent in this too';

const filterIgnored = 'ListImages of containerd 1.6 ignores its filter and lists all images';

const noPortmap = "the network that the test gives it has no portmap plugin, and it doesn't refuse the mapping";

/** Where containerd 1.6.20 departs from the protocol's text, case by case: the suite is right, and so is the reason. */
const deviations: Record<string, string> = {
  'image.list': filterIgnored,
  'image.filter-unknown': filterIgnored,
  'image.registry-token': 'it knows no registry_token, and asks for a token as who has no credentials',
  'order.stop-unknown': unknownIsAnError,
  'order.stop-removed': unknownIsAnError,
  'order.stop-unknown-sandbox': unknownIsAnError,
  'order.stop-removed-sandbox': unknownIsAnError,
  'exec-sync.output-limit': 'it keeps 16 MiB of output, which makes a message larger than the 16 MiB that it may send: the call fails',
  'security.privileged':
    "its pause container mounts the sysfs of the pod's network namespace read-only, and the super block that they share makes that of " +
    'the privileged container read-only too, though its OCI specification says rw',
  'bad-input.log-path': 'it follows a log_path with ".." out of the log directory',
  'pod.host-port': noPortmap,
  'pod.host-port-address': noPortmap,
  'stats.network-time': 'it leaves the time of the counters unset, though it knows it: those of CPU and memory have it',
};

const wrongBytesKept =
  'bytes that came whole, but wrong, stay in its content store until a garbage collection that it runs after the failed pull: ' +
  'where the next pull is faster than that, it takes them for its own and fails too';

/** Where it departs in some runs only. */
const occasionalDeviations: Record<string, string> = {
  'image.wrong-manifest': wrongBytesKept,
  'image.wrong-config': wrongBytesKept,
  'image.wrong-layer': wrongBytesKept,
  'image.longer-layer': wrongBytesKept,
  // Seen once in some 40 runs, beside other work; containerd's issue 8893, and its pull request 12714.
  'resource.out-of-memory': 'its shim may lose the event of an out-of-memory kill where the container ends at once: the reason stays Error',
  // Seen in 6 of 15 runs, the first time with nothing else going on.
  'log.many-lines': 'of a container that ends right after it has written much, it may drop the last lines: they never come into its log',
};

/** RPCs newer than its API: they are skips, and nothing covers them. */
const unknownRpcs = [
  'CheckpointContainer',
  'GetContainerEvents',
  'ListMetricDescriptors',
  'ListPodSandboxMetrics',
  'RuntimeConfig',
  'StreamContainerStats',
  'StreamContainers',
  'StreamImages',
  'StreamPodSandboxMetrics',
  'StreamPodSandboxStats',
  'StreamPodSandboxes',
  'UpdatePodSandboxResources',
];

describe('the CRI suite on real containerd', () => {
  it('passes, but for listed deviations, and covers every RPC that it knows', { timeout: timeLimitMs }, async ({ skip }) => {
    const missing = containerdMissing();
    if (missing !== undefined) skip(missing);
    const { cases, protocol, leftBehind } = await judged(await startContainerd());
    expect(leftBehind).toBeUndefined();
    const failed = cases.filter((one) => one.result === 'failed' && !(one.id in occasionalDeviations));
    expect(failed.filter((one) => !(one.id in deviations))).toEqual([]);
    expect(failed.map((one) => one.id).sort()).toEqual(Object.keys(deviations).sort());
    expect(
      protocol.rpcs
        .filter(({ covered }) => !covered)
        .map(({ name }) => name)
        .sort(),
    ).toEqual(unknownRpcs);
    const reasons = cases.flatMap(({ result, reason }) => (result === 'skipped' ? [reason] : []));
    expect(reasons.filter((reason) => !/newer|channel\.k8s\.io/.test(reason ?? ''))).toEqual([]);
  });
});

/**
 * What any case can fail for on a busy host: of a container that ends at once it may drop the output whole, as it may its last lines; and a stop may
 * find the connection to a shim closed that ends at that moment.
 */
const peersRace = /: expected .*, got ""|: ttrpc: closed/;

/** The report of a run; cases that failed by a race of the peer's are in it as a second run judges them. */
async function judged(server: RestartingServer): Promise<Report> {
  const judge = (focus?: RegExp): Promise<Report> =>
    runCriSuite({ runtimeEndpoint: server.endpoint, cgroupParent, restart: () => server.restart() }, focus && { focus });
  try {
    const report = await judge();
    const raced = report.cases.filter(({ result, reason = '' }) => result === 'failed' && peersRace.test(reason));
    if (raced.length === 0) return report;
    const again = await judge(new RegExp(`^(${raced.map(({ id }) => id.replaceAll('.', '\\.')).join('|')})$`));
    const leftBehind = report.leftBehind ?? again.leftBehind;
    const cases = report.cases.map((one) => again.cases.find(({ id }) => id === one.id) ?? one);
    return { ...report, cases, ...(leftBehind !== undefined && { leftBehind }) };
  } finally {
    await server.stop();
    removeCgroups(cgroupParent);
  }
}
