import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { exampleImage } from '../fixtures/berth.ts';
import { describeOnEachRuntime } from '../fixtures/node-on-runtime.ts';
import { htpasswd, missingRegistry, startRegistry, type TestRegistry } from '../fixtures/registry.ts';
import { repository } from '../fixtures/tools.ts';

/** Pods that see what they are told to; all of them run at once. */
const manifest = (registry: string) => `
apiVersion: v1
kind: Pod
metadata: {name: plugin}
spec:
  restartPolicy: Never
  containers: [{name: main, image: "${registry}/plugged/busybox:1", imagePullPolicy: Always, command: [echo, "by the plugin"]}]
---
apiVersion: v1
kind: Pod
metadata: {name: denied}
spec:
  terminationGracePeriodSeconds: 0
  imagePullSecrets: [{name: nobody-made-it}]
  containers: [{name: main, image: "${registry}/team/busybox:1", imagePullPolicy: Always, command: [id]}]
---
apiVersion: v1
kind: Pod
metadata: {name: unset}
spec:
  terminationGracePeriodSeconds: 0
  containers:
    - name: main
      image: localhost/busybox:1
      command: [id]
      env: [{name: A, valueFrom: {configMapKeyRef: {name: nobody-made-it, key: a}}}]
---
apiVersion: v1
kind: Pod
metadata: {name: confined}
spec:
  restartPolicy: Never
  securityContext:
    runAsUser: 1000
    runAsGroup: 2000
    fsGroup: 3000
    supplementalGroups: [4000]
    sysctls: [{name: net/ipv4/ip_unprivileged_port_start, value: "80"}]
  containers:
    - name: main
      image: localhost/busybox:1
      command: [sh, -c, "id; grep -E 'CapEff|NoNewPrivs|Seccomp:' /proc/self/status; touch /x 2>&1; cat /proc/sys/net/ipv4/ip_unprivileged_port_start"]
      securityContext: {readOnlyRootFilesystem: true, allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
---
apiVersion: v1
kind: Pod
metadata: {name: unsafe}
spec:
  securityContext: {sysctls: [{name: kernel.msgmax, value: "65536"}]}
  containers: [{name: main, image: localhost/busybox:1, command: [id]}]
---
apiVersion: v1
kind: Pod
metadata: {name: mapped}
spec:
  hostUsers: false
  restartPolicy: Never
  terminationGracePeriodSeconds: 0
  securityContext: {fsGroup: 2000}
  containers:
    - name: main
      image: localhost/busybox:1
      command: [sh, -c, "cat /proc/self/uid_map; touch /data/x; ls -ln /data/x /etc/hosts"]
      volumeMounts: [{name: data, mountPath: /data}]
  volumes: [{name: data, emptyDir: {}}]
---
apiVersion: v1
kind: Pod
metadata: {name: host}
spec:
  restartPolicy: Never
  hostNetwork: true
  hostAliases: [{ip: 10.1.2.3, hostnames: [foo.remote]}]
  containers: [{name: main, image: localhost/busybox:1, command: [cat, /etc/hosts]}]
`;

const credentialPlugin = (registry: string) => `#!/bin/sh
cat > "$REQUESTS"
cat << END
{"apiVersion": "credentialprovider.kubelet.k8s.io/v1", "kind": "CredentialProviderResponse", "cacheKeyType": "Registry",
 "auth": {"${registry}": {"username": "$1", "password": "secret"}}}
END
`;

describeOnEachRuntime({ about: 'what containers see, and their images,', requirements: missingRegistry, manyNetworks: true }, (node) => {
  let registry: TestRegistry;
  let secured: TestRegistry;

  beforeAll(async () => {
    const { home } = node;
    registry = await startRegistry();
    for (const name of ['team', 'plugged']) await registry.push(exampleImage, `${name}/busybox`, '1');
    const path = home.write('htpasswd', htpasswd);
    secured = await startRegistry({ storage: registry.storage, auth: { htpasswd: { realm: 'test', path } } });
    configure();
    const examples = ['hosts', 'downward-env'].map((name) => join(repository, `examples/${name}.yaml`));
    const login = readFileSync(join(repository, 'examples/pull-secret.yaml'), 'utf8').replaceAll('registry.example:5000', secured.host);
    const files = [home.write('pods.yaml', manifest(secured.host)), home.write('pull-secret.yaml', login), ...examples];
    await node.run(
      files.flatMap((file) => ['-f', file]),
      /starting a node/,
    );
  });

  afterAll(async () => {
    await node.interrupt();
    for (const each of [secured, registry]) await each.stop();
  });

  /** A plugin for the images below `plugged`. */
  function configure(): void {
    const { home } = node;
    const binDir = join(home.directory, 'bin');
    mkdirSync(binDir);
    writeFileSync(join(binDir, 'test-provider'), credentialPlugin(secured.host));
    chmodSync(join(binDir, 'test-provider'), 0o755);
    const provider = {
      name: 'test-provider',
      matchImages: [`${secured.host}/plugged`],
      defaultCacheDuration: '1h',
      apiVersion: 'credentialprovider.kubelet.k8s.io/v1',
      args: ['berth'],
      env: [{ name: 'REQUESTS', value: join(home.directory, 'request.json') }],
    };
    const config = { apiVersion: 'kubelet.config.k8s.io/v1', kind: 'CredentialProviderConfig', providers: [provider] };
    node.configure({
      imageCredentialProviderConfig: home.write('providers.json', JSON.stringify(config)),
      imageCredentialProviderBinDir: binDir,
    });
  }

  const log = async (pod: string) => (await node.logs(pod)).trimEnd();
  const within = { timeout: 60_000 };
  const ended = (name: string) => expect.poll(async () => (await node.statusOf(name))?.phase, within).toBe('Succeeded');
  const waiting = (name: string) =>
    expect.poll(async () => (await node.containerOf(name))?.state?.waiting ?? (await node.statusOf(name)), within);

  it('a hosts file with its name and aliases, its resolver and its host name', async () => {
    await ended('hosts');
    expect(await log('hosts')).toMatch(/^# Kubernetes-managed hosts file\.\n127\.0\.0\.1\tlocalhost\n/);
    expect(await log('hosts')).toMatch(
      /\n\d+\.\d+\.\d+\.\d+\tteller\.names\.default\.svc\tteller\n\n# Entries added by HostAliases\.\n127\.0\.0\.1\tfoo/,
    );
    for (const line of ['nameserver 192.0.2.53', 'search example.internal', 'options ndots:2', 'my name is teller'])
      expect((await log('hosts')).split('\n')).toContain(line);
    await ended('host');
    expect(await log('host')).toMatch(/^# Kubernetes-managed hosts file \(host network\)\.\n(?:.*\n)+10\.1\.2\.3\tfoo\.remote$/);
  });

  it('variables from fields, resources, objects and files', async () => {
    await ended('downward-env');
    expect(await log('downward-env')).toBe('hello from downward-env in english\ntier backend, limit 32 MiB, colour deep blue\nhas a token');
  });

  it('what is missing, by its name', async () => {
    await waiting('unset').toEqual({ reason: 'CreateContainerConfigError', message: 'configmap "nobody-made-it" not found' });
  });

  it('users, groups, capabilities and sysctls as their security contexts say', async () => {
    await ended('confined');
    expect(await log('confined')).toMatch(/^uid=1000\(app\) gid=2000 groups=2000,3000,4000\n/);
    expect(await log('confined')).toMatch(/CapEff:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\n/);
    expect(await log('confined')).toMatch(/touch: \/x: Read-only file system\n80/);
    await expect
      .poll(() => node.statusOf('unsafe'), within)
      .toMatchObject({
        phase: 'Failed',
        reason: 'SysctlForbidden',
        message: 'Pod was rejected: forbidden sysctl: "kernel.msgmax" not allowlisted',
      });
  });

  if (node.handler === 'runc') {
    it('ids of their own with hostUsers: false, by which they read and write volumes', async () => {
      await ended('mapped');
      expect(await log('mapped')).toMatch(/^ +0 +65536 +65536\n/);
      expect(await log('mapped')).toMatch(/-rw-r--r-- +1 0 +2000 +0 .* \/data\/x\n-rw-r--r-- +1 0 +0 .* \/etc\/hosts/);
    });
  } else {
    it('no ids of their own where the runtime cannot, and it says so', async () => {
      await expect
        .poll(async () => (await node.events('mapped')).map(({ reason, message }) => `${reason}: ${message}`).join('\n'), within)
        .toContain(
          "spec.hostUsers: the runtime doesn't have user namespaces; use a RuntimeClass whose runtime tells of the feature userNamespaces",
        );
    });
  }

  it('images of a private registry by the secret of the pod, and by a credential provider plugin', async () => {
    await ended('pull-secret');
    await ended('plugin');
    expect([await log('pull-secret'), await log('plugin')]).toEqual(['pulled with the login of the secret', 'by the plugin']);
    expect(JSON.parse(readFileSync(join(node.home.directory, 'request.json'), 'utf8'))).toEqual({
      apiVersion: 'credentialprovider.kubelet.k8s.io/v1',
      kind: 'CredentialProviderRequest',
      image: `${secured.host}/plugged/busybox:1`,
    });
  });

  it('no image without a login, and the missing secret is told', async () => {
    await waiting('denied').toMatchObject({ reason: expect.stringMatching(/^(ErrImagePull|ImagePullBackOff)$/) });
    expect(await node.events('denied')).toContainEqual(
      expect.objectContaining({
        reason: 'FailedToRetrieveImagePullSecret',
        message: 'Unable to retrieve some image pull secrets (nobody-made-it); attempting to pull the image may not succeed.',
      }),
    );
  });
});
