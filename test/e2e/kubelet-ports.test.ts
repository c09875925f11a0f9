import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { freePorts } from '../../packages/kubelet/testing/free-ports.ts';
import { BerthHome, type Running } from '../fixtures/berth.ts';

let homes: BerthHome[];
let another: Server | undefined;

beforeEach(() => {
  homes = [];
});

afterEach(async () => {
  if (another) await once(another.close(), 'close');
  another = undefined;
  for (const home of homes) home.remove();
});

/** `berth kubelet` by these fields, on the fake runtime: none of this is about pods. */
function start(fields: object, place: Record<string, unknown> = {}): Running {
  const home = new BerthHome({ defaultHandler: 'fake', ...place });
  homes.push(home);
  const configuration = {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    address: '127.0.0.1',
    failCgroupV1: false,
    failSwapOn: false,
    ...fields,
  };
  return home.start(['kubelet', '--config', home.write('kubelet.yaml', stringify(configuration))]);
}

it.each([
  ['port', {}],
  ['readOnlyPort', { enableServer: false }],
  ['healthzPort', { enableServer: false }],
])('a %s that another program has is one error, with address and cure', async (field, fields) => {
  const [port = 0] = await freePorts(1);
  another = createServer().listen(port, '127.0.0.1');
  await once(another, 'listening');
  const { status, stderr } = await start({ healthzPort: 0, ...fields, [field]: port }).ended;
  expect(status).toBe(1);
  expect(stderr).toContain(`${field} 127.0.0.1:${port}: another program listens there; end it`);
  expect(stderr).toContain(`or give another ${field} in the kubelet configuration`);
});

it('two nodes on one host have ports of their own, or none', async () => {
  const [port = 0, healthzPort = 0] = await freePorts(2);
  const nodes = [start({ port, healthzPort }), start({ enableServer: false, healthzPort: 0 })];
  for (const node of nodes) await node.says(/is up/);
  expect(await (await fetch(`http://127.0.0.1:${healthzPort}/healthz`)).text()).toBe('ok');
  expect(nodes.map(({ output }) => output.match(/\w*port http.*/gi) ?? [])).toEqual([
    [
      `port https://127.0.0.1:${port} is for nobody: there is no API server to ask, and no authentication.x509.clientCAFile`,
      `healthzPort http://127.0.0.1:${healthzPort}/healthz is for anybody`,
    ],
    [],
  ]);
  for (const node of nodes) expect(await node.interrupt()).toMatchObject({ status: 0 });
});

it.runIf(process.platform === 'linux' && process.getuid?.() === 0)(
  'a second node that would share the cgroups of the first is refused',
  async () => {
    const nothing = { enableServer: false, healthzPort: 0 };
    const first = start(nothing);
    await first.says(/is up/);
    const [home] = homes;
    const second = start(nothing, { cgroupRoot: home?.place.cgroupRoot });
    expect(await second.ended).toMatchObject({
      status: 1,
      stderr: expect.stringContaining(`the node that runs with the root directory ${home?.root} (pid ${first.child.pid}) has it too`),
    });
    expect(await first.interrupt()).toMatchObject({ status: 0 });
    const third = start(nothing, { cgroupRoot: home?.place.cgroupRoot });
    await third.says(/is up/);
    await third.interrupt();
  },
);

it.each([
  [{ authorization: { mode: 'Webhook' } }, /kubelet\.yaml:\d+: authorization\.mode: refused: .* give AlwaysAllow/],
  [{ authentication: { webhook: { enabled: true } } }, /kubelet\.yaml:\d+: authentication\.webhook\.enabled: refused: .* leave it out/],
])('%j, which takes an API server, is refused', async (fields, words) => {
  expect(await start(fields).ended).toMatchObject({ status: 1, stderr: expect.stringMatching(words) });
});
