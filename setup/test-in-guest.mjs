// What the test guest runs: the tests that depend on the version and the driver of cgroups, as `npm test` runs and counts them.
// The argument is where the counts go, for the host.
import { writeFileSync } from 'node:fs';
import { conformPhase } from './phases/conform.mjs';
import { runPhases } from './phases/run-phase.mjs';
import { vitestPhase } from './phases/vitest.mjs';
import { reportFailure } from './report-failure.mjs';

/** The cases of the CRI suite whose outcome the cgroups decide. */
const allCases = [
  '^resource\\.',
  '^stats\\.(container|cpu-grows|memory-available|sandbox|sandbox-processes)$',
  '^(pod\\.cgroup-parent|runtime\\.config)$',
].join('|');

/** Cgroups and user namespaces of the OCI runtimes, of crun too, which wants a host with one hierarchy of cgroups. */
const unitTests = ['oci/unified-cgroup', 'oci/oci-runtime-usage', 'oci/oci-runtime-extras', 'oci/user-namespace', 'kubelet/src/cgroup'];

/** An emulated processor is ten times slower. */
const timeLimits = ['--testTimeout=120000', '--hookTimeout=120000'];

/** Of tests that start nodes: only by their names, since an emulated one takes minutes. */
const nodeTimeLimits = ['--testTimeout=600000', '--hookTimeout=120000'];

/** @param {string[]} args those of `npm run test:guest`; without any, all is run */
function phasesFor(args) {
  const [option, cases = allCases] = args;
  const suite = ['cgroupfs', 'systemd'].map((driver) => conformPhase(driver, cases));
  if (option === '--cases') return suite;
  const ofNodes = (project) => vitestPhase(project, args, { args: nodeTimeLimits });
  if (option !== undefined) return [vitestPhase('unit', args, { args: timeLimits }), ofNodes('interop'), ofNodes('e2e')];
  return [...suite, vitestPhase('unit', unitTests, { args: timeLimits })];
}

try {
  const args = JSON.parse(decodeURIComponent(process.env.BERTH_GUEST_TESTS));
  writeFileSync(process.argv[2], JSON.stringify(await runPhases(phasesFor(args), process.stdout)));
} catch (error) {
  reportFailure(error);
}
