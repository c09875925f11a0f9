// What the test guest runs: the tests that depend on the version and the driver of cgroups, as `npm test` runs and counts them.
// The argument is where the counts go, for the host.
import { writeFileSync } from 'node:fs';
import { conformPhase } from './phases/conform.mjs';
import { runPhases } from './phases/run-phase.mjs';
import { vitestPhase } from './phases/vitest.mjs';
import { reportFailure } from './report-failure.mjs';

/** The cases of the CRI suite whose outcome the cgroups decide. */
const cases = '^(resource|stats|restart)\\.|^pod\\.cgroup-parent$|^runtime\\.config$|^security\\.privileged$';

/** The OCI runtimes, crun too, which wants a host with one hierarchy of cgroups. */
const unitTests = ['packages/shim/src/oci/', 'packages/shim/src/cgroup/', 'packages/kubelet/src/cgroup/'];

/** An emulated processor is ten times slower. */
const timeLimits = ['--testTimeout=120000', '--hookTimeout=120000'];

const phases = [...['cgroupfs', 'systemd'].map((driver) => conformPhase(driver, cases)), vitestPhase('unit', unitTests, timeLimits)];

try {
  writeFileSync(process.argv[2], JSON.stringify(await runPhases(phases, process.stdout)));
} catch (error) {
  reportFailure(error);
}
