// What the test guest runs: the tests that depend on the version and the driver of cgroups, as `npm test` runs and counts them.
// The argument is where the counts go, for the host.
import { writeFileSync } from 'node:fs';
import { conformPhase } from './phases/conform.mjs';
import { runPhases } from './phases/run-phase.mjs';
import { vitestPhase } from './phases/vitest.mjs';
import { reportFailure } from './report-failure.mjs';

/** The cases of the CRI suite whose outcome the cgroups decide. */
const allCases = '^(resource|stats|restart)\\.|^pod\\.cgroup-parent$|^runtime\\.config$|^security\\.privileged$';

/** The OCI runtimes, crun too, which wants a host with one hierarchy of cgroups. */
const unitTests = ['packages/shim/src/oci/', 'packages/shim/src/cgroup/', 'packages/kubelet/src/cgroup/'];

/** An emulated processor is ten times slower. */
const timeLimits = ['--testTimeout=120000', '--hookTimeout=120000'];

/** @param {string[]} args those of `npm run test:guest`; without any, all is run */
function phasesFor([option, ...values]) {
  const cases = option === '--cases' ? values[0] : option === undefined ? allCases : undefined;
  const filters = option === '--cases' ? [] : option === undefined ? unitTests : [option, ...values];
  return [
    ...(cases ? (process.env.X ?? 'systemd').split(',').map((driver) => conformPhase(driver, cases)) : []),
    ...(filters.length > 0 ? [vitestPhase('unit', filters, timeLimits)] : []),
  ];
}

try {
  const args = JSON.parse(decodeURIComponent(process.env.BERTH_GUEST_TESTS));
  writeFileSync(process.argv[2], JSON.stringify(await runPhases(phasesFor(args), process.stdout)));
} catch (error) {
  reportFailure(error);
}
