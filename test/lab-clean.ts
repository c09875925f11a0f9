import { spawn } from 'node:child_process';
import { CriTarget } from '../packages/conformance/src/cri/target.ts';

const home = process.argv[2] as string;
const child = spawn(
  'bin/berth',
  [
    '--root',
    `${home}/root`,
    '--run',
    `${home}/run`,
    '--node-config',
    `${home}/berth.yaml`,
    'runtime',
    'sentry',
    '--listen',
    `unix://${home}/clean.sock`,
  ],
  { stdio: 'inherit' },
);
await new Promise((r) => setTimeout(r, 3000));
const target = new CriTarget({ runtimeEndpoint: `unix://${home}/clean.sock`, image: 'x' });
for (const { id } of (await target.client.ListPodSandbox({})).items) {
  await target.client.StopPodSandbox({ podSandboxId: id });
  await target.client.RemovePodSandbox({ podSandboxId: id });
}
target.client.close();
child.kill('SIGTERM');
