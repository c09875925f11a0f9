// npm run test:guest: boots a Debian with cgroup v2 and systemd in QEMU, and runs in it what depends on these. The last line is the count.
import { join } from 'node:path';
import { foreground } from './foreground.mjs';
import { guestDirectory, node, pathWithTools, root, testGuestDirectory } from './paths.mjs';
import { reportFailure } from './report-failure.mjs';
import { setUp } from './set-up.mjs';
import { SetupError } from './setup-error.mjs';

async function testGuest() {
  const lacking = requirement();
  if (lacking !== undefined) throw new SetupError(`the tests in a guest need ${lacking}`);
  await setUp({ tests: true, machines: true, systemd: true });
  const env = { ...process.env, PATH: pathWithTools(), BERTH_GUEST_DIR: guestDirectory, BERTH_TEST_GUEST_DIR: testGuestDirectory };
  return foreground(node, ['--conditions=berth-source', join(root, 'test/guest/main.ts'), ...process.argv.slice(2)], env);
}

function requirement() {
  if (process.platform !== 'linux' || process.arch !== 'x64') return 'Linux on amd64';
  return process.getuid?.() === 0 ? undefined : 'root, to install a Debian into a folder and to share folders with the guest';
}

try {
  process.exitCode = await testGuest();
} catch (error) {
  reportFailure(error);
}
