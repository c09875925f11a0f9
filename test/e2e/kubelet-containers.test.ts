import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { describeOnEachRuntime } from '../fixtures/node-on-runtime.ts';
import { repository } from '../fixtures/tools.ts';

const image = 'localhost/busybox:1';

function pod(name: string, spec: string): string {
  return `---\napiVersion: v1\nkind: Pod\nmetadata: {name: ${name}}\nspec: {terminationGracePeriodSeconds: 2, ${spec}}\n`;
}

function container(name: string, script: string, more = ''): string {
  return `{name: ${name}, image: '${image}', command: [sh, -c, '${script}']${more && `, ${more}`}}`;
}

const forever = 'trap "exit 0" TERM; while true; do sleep 1 & wait $!; done';
/** Counts its starts in the pod's volume. */
const count = (name: string) => `echo start >> /count/${name}; n=$(wc -l < /count/${name})`;
const counts = 'volumes: [{name: count, emptyDir: {}}]';
const mount = 'volumeMounts: [{name: count, mountPath: /count}]';

/** By name: what each pod is there to show. */
const pods = [
  pod(
    'messages',
    `restartPolicy: Never, containers: [${[
      container('file', 'echo out of luck > /dev/termination-log; exit 3'),
      container('elsewhere', 'echo as user > /tmp/why', 'terminationMessagePath: /tmp/why, securityContext: {runAsUser: 1000}'),
      container('log', 'echo first; echo it broke; exit 1', 'terminationMessagePolicy: FallbackToLogsOnError'),
    ].join()}]`,
  ),
  pod(
    'retried',
    `restartPolicy: Never, ${counts}, containers: [${container(
      'main',
      `${count('main')}; test $n -gt 1 || exit 42; echo done`,
      `${mount}, restartPolicy: Never, restartPolicyRules: [{action: Restart, exitCodes: {operator: In, values: [42]}}]`,
    )}]`,
  ),
  pod(
    'started-over',
    `${counts}, initContainers: [${container('set-up', count('set-up'), mount)}], containers: [${[
      container('main', forever),
      container(
        'watcher',
        `${count('watcher')}; test $n -gt 1 || exit 88; ${forever}`,
        `${mount}, restartPolicy: Never, restartPolicyRules: [{action: RestartAllContainers, exitCodes: {operator: In, values: [88]}}]`,
      ),
    ].join()}]`,
  ),
  pod(
    'debugged',
    `containers: [${container('main', forever)}], ephemeralContainers: [${container('debugger', 'ps; exit 7', 'targetContainerName: main')}]`,
  ),
  pod(
    'batch',
    `restartPolicy: Never, initContainers: [${container('proxy', forever, 'restartPolicy: Always')}], containers: [${container('main', 'echo done')}]`,
  ),
];

const examples = ['war', 'logging/stdout', 'logging/re-emitting-sidecar', 'logging/shipping-sidecar'];

const ports = { runc: '5171', containerd: '5172' };

describeOnEachRuntime({ about: 'the containers of pods' }, (node) => {
  beforeAll(async () => {
    const { home } = node;
    const adapted = (text: string) => text.replaceAll('5170', ports[node.handler]).replaceAll('/var/lib/berth', home.root);
    const files = examples.map((name) =>
      home.write(`${name.replace('/', '-')}.yaml`, adapted(readFileSync(join(repository, `examples/${name}.yaml`), 'utf8'))),
    );
    await node.run(
      [home.write('pods.yaml', pods.join('')), ...files].flatMap((file) => ['-f', file]),
      /starting a node/,
    );
  });

  const messageOf = async (name: string) => (await node.containerOf('messages', name))?.state?.terminated?.message;

  it('tell why they ended: by a file, whoever they run as, or by the end of their log', async () => {
    await expect.poll(async () => (await node.statusOf('messages'))?.phase, { timeout: 30_000 }).toBe('Failed');
    expect(await Promise.all(['file', 'elsewhere', 'log'].map(messageOf))).toEqual(['out of luck\n', 'as user\n', 'first\nit broke\n']);
  });

  it('are restarted by the rule for their exit code, in a pod that never restarts', async () => {
    await expect.poll(async () => (await node.statusOf('retried'))?.phase, { timeout: 30_000 }).toBe('Succeeded');
    expect(await node.containerOf('retried', 'main')).toMatchObject({ restartCount: 1, state: { terminated: { exitCode: 0 } } });
  });

  it('all start over, the init container first, when one of them asks for it', async () => {
    await expect.poll(async () => (await node.containerOf('started-over', 'main'))?.restartCount, { timeout: 30_000 }).toBe(1);
    await expect.poll(async () => (await node.containerOf('started-over', 'watcher'))?.ready).toBe(true);
    expect(await node.containerOf('started-over', 'set-up')).toMatchObject({ restartCount: 1, ready: true });
  });

  it('can be looked at by an ephemeral container that sees their processes', async () => {
    await expect
      .poll(async () => (await node.containerOf('debugged', 'debugger'))?.state?.terminated?.exitCode, { timeout: 30_000 })
      .toBe(7);
    expect(await node.logs('debugged', 'debugger')).toContain('while true');
    expect(await node.statusOf('debugged')).toMatchObject({ phase: 'Running' });
  });

  it('end with their pod, if they are sidecars, and do not hold it up', async () => {
    await expect.poll(async () => (await node.statusOf('batch'))?.phase, { timeout: 30_000 }).toBe('Succeeded');
    expect(await node.containerOf('batch', 'proxy')).toMatchObject({ state: { terminated: { exitCode: 0 } } });
  });

  it('serve what an init container brought (examples/war.yaml)', async () => {
    await expect.poll(() => node.logs('war', 'tomcat'), { timeout: 30_000 }).toContain('serving /webapps/sample.war');
    const page = async () => (await fetch(`http://${(await node.statusOf('war'))?.podIP}:8080/sample/`)).text().catch(() => '');
    await expect.poll(page).toContain('Hello from sample.war');
  });

  it('have their logs read by an agent on the node, by a sidecar, and shipped by a sidecar (examples/logging)', async () => {
    await expect.poll(() => node.logs('log-agent', 'agent'), { timeout: 30_000 }).toMatch(/ stdout F order 0 taken/);
    await expect.poll(() => node.logs('re-emitter', 'log-stream')).toContain('request 0 served');
    await expect.poll(() => node.logs('collector', 'collector'), { timeout: 30_000 }).toContain('payment 0 booked');
  });
});
