import { expectEqual, expectTrue } from '../../expect.ts';
import { expectRefused } from '../../refusals.ts';
import type { Case } from '../../suite.ts';
import { unknownId } from '../expect.ts';
import { isolation, processes, security } from '../needs.ts';
import type { CriTarget } from '../target.ts';

export const execSyncCases: Case<CriTarget>[] = [
  {
    id: 'exec-sync.result',
    group: 'exec',
    clause: 'ExecSync gives stdout, stderr and the exit code, which is no error of the call (api.proto, ExecSyncResponse)',
    proves: [
      'ExecSync',
      'ExecSyncRequest.container_id',
      'ExecSyncRequest.cmd',
      'ExecSyncResponse.stdout',
      'ExecSyncResponse.stderr',
      'ExecSyncResponse.exit_code',
    ],
    needs: [processes],
    async run(target) {
      await target.withContainer({}, async (container) => {
        await container.start();
        const { stdout, stderr, exitCode } = await container.execSync(['sh', '-c', 'echo to out; echo to err >&2; exit 5']);
        expectEqual(stdout.toString(), 'to out\n', 'stdout');
        expectEqual(stderr.toString(), 'to err\n', 'stderr');
        expectEqual(exitCode, 5, 'exit_code');
      });
    },
  },
  {
    id: 'exec-sync.environment',
    group: 'exec',
    clause: "a command has its container's environment, working directory and file system (api.proto, ExecSync)",
    proves: ['ExecSync'],
    needs: [isolation],
    async run(target) {
      const config = {
        command: ['sh', '-c', 'echo kept > /tmp/file; exec sleep 1000'],
        envs: [{ key: 'GREETING', value: Buffer.from('hello') }],
        workingDir: '/tmp',
      };
      await target.withContainer(config, async (container) => {
        await container.start();
        const { stdout } = await container.execSync([
          'sh',
          '-c',
          'until [ -s file ]; do :; done; echo "$GREETING from $(pwd): $(cat file)"',
        ]);
        expectEqual(stdout.toString(), 'hello from /tmp: kept\n', 'stdout');
      });
    },
  },
  {
    id: 'exec-sync.large-output',
    group: 'exec',
    clause: 'all output up to 16 MiB arrives, byte by byte (api.proto, ExecSyncResponse.stdout)',
    proves: ['ExecSyncResponse.stdout'],
    needs: [processes],
    async run(target) {
      await target.withContainer({}, async (container) => {
        await container.start();
        const { stdout } = await container.execSync(['sh', '-c', 'yes 0123456789abcde | head -c 4194304']);
        expectEqual(stdout.length, 4 * 1024 * 1024, 'bytes of stdout');
        expectTrue(stdout.equals(Buffer.from('0123456789abcde\n'.repeat(256 * 1024))), 'stdout has other bytes than were written');
      });
    },
  },
  {
    id: 'exec-sync.timeout',
    group: 'exec',
    clause: 'a command that does not end within the timeout is killed, and that is an error (api.proto, ExecSyncRequest.timeout)',
    proves: ['ExecSyncRequest.timeout'],
    needs: [processes],
    async run(target) {
      await target.withContainer({}, async (container) => {
        await container.start();
        const call = container.execSync(['sh', '-c', 'echo $$ > /tmp/pid; exec sleep 1000'], 1);
        await expectRefused(call, 'a command that does not end', 'DEADLINE_EXCEEDED', 'UNKNOWN');
        // A command that was killed before it wrote its id doesn't run either; busybox's kill takes no id for success.
        const { exitCode } = await container.execSync(['sh', '-c', 'pid=$(cat /tmp/pid) && kill -0 "$pid"']);
        expectTrue(exitCode !== 0, 'the command still runs');
        expectEqual((await container.status()).state, 'CONTAINER_RUNNING', 'state of the container');
      });
    },
  },
  {
    id: 'exec-sync.refused',
    group: 'exec',
    clause: 'a program that is not in the image, and a container that does not run, are errors (api.proto, ExecSync)',
    proves: ['ExecSync'],
    needs: [processes],
    async run(target) {
      await target.withContainer({}, async (container) => {
        await expectRefused(container.execSync(['true']), 'ExecSync in a container that was not started');
        await container.start();
        await expectRefused(container.execSync(['/no/such/command']), 'a program that does not exist');
        await container.stop(0);
        await expectRefused(container.execSync(['true']), 'ExecSync in a container that has ended');
      });
    },
  },
  {
    id: 'exec-sync.output-limit',
    group: 'exec',
    clause:
      'the first 16 MiB are kept, and what is beyond is dropped without an error, for each stream (cri.proto, ExecSyncResponse.stdout)',
    proves: ['ExecSyncResponse.stdout', 'ExecSyncResponse.stderr'],
    needs: [processes],
    async run(target) {
      await target.withContainer({}, async (container) => {
        await container.start();
        const limit = 16 * 1024 * 1024;
        // The answer has to fit into a client's largest message too, so one stream alone is filled.
        const { stdout, exitCode } = await target.client.ExecSync({
          containerId: container.id,
          cmd: ['head', '-c', String(limit + 1_000_000), '/dev/zero'],
        });
        expectEqual(exitCode, 0, 'exit code of a command with more output');
        expectTrue(stdout.length <= limit && stdout.length > limit - 1_000_000, `${stdout.length} bytes of stdout`);
      });
    },
  },
  {
    id: 'exec-sync.unknown',
    group: 'exec',
    clause: 'ExecSync in an unknown container is an error (cri.proto, ExecSync)',
    proves: ['ExecSync'],
    async run({ client }) {
      await expectRefused(client.ExecSync({ containerId: unknownId, cmd: ['true'] }), 'ExecSync in an unknown container', 'NOT_FOUND');
    },
  },
  {
    id: 'exec-sync.user',
    group: 'exec',
    clause: 'a command runs as the user of its container, under the same limits (cri.proto, ExecSync)',
    proves: ['ExecSync'],
    needs: [security],
    async run(target) {
      const securityContext = { runAsUser: { value: 1000 }, runAsGroup: { value: 2345 }, capabilities: { dropCapabilities: ['ALL'] } };
      await target.withContainer({ linux: { securityContext } }, async (container) => {
        await container.start();
        const output = await container.script('echo "$(id -u):$(id -g)"; grep ^CapBnd /proc/self/status | cut -f2');
        expectEqual(output, '1000:2345\n0000000000000000', 'user, group and bounding capabilities');
      });
    },
  },
  {
    id: 'exec-sync.binary-output',
    group: 'exec',
    clause: 'output is bytes, not text (cri.proto, ExecSyncResponse.stdout)',
    proves: ['ExecSyncResponse.stdout'],
    needs: [processes],
    async run(target) {
      await target.withContainer({}, async (container) => {
        await container.start();
        const { stdout } = await container.execSync(['printf', '\\000\\377\\200\\n\\r']);
        expectEqual(stdout.toString('hex'), '00ff800a0d', 'bytes');
      });
    },
  },
  {
    id: 'exec-sync.not-the-container',
    group: 'exec',
    clause: 'how a command ends does not end its container (cri.proto, ExecSync)',
    proves: ['ExecSync'],
    needs: [processes],
    async run(target) {
      await target.withContainer({}, async (container) => {
        await container.start();
        expectEqual((await container.execSync(['sh', '-c', 'kill -9 $$'])).exitCode, 137, 'exit code of a killed command');
        expectEqual((await container.status()).state, 'CONTAINER_RUNNING', 'state');
      });
    },
  },
];
