import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expectEqual, expectMatch, expectSame, expectTrue, present } from '../../expect.ts';
import { type Case, SkipCase } from '../../suite.ts';
import type { NamespaceOptions } from '../messages.ts';
import { isolation, namespaces, network, processes, resources, sameHost, security } from '../needs.ts';
import { connectsTo, freePort, hostAddress, isOpen } from '../port.ts';
import { type CriTarget, podNamespaces } from '../target.ts';

const namespaceOf = (kind: string): string => `readlink /proc/self/ns/${kind}`;

/** Runs `work` in a pod with these namespaces. */
function withNamespaces<Result>(
  target: CriTarget,
  change: NamespaceOptions,
  work: Parameters<typeof target.withPod<Result>>[1],
): Promise<Result> {
  return target.withPod({ linux: { securityContext: { namespaceOptions: { ...podNamespaces, ...change } } } }, work);
}

/** What a sandbox gives its containers: names, network, namespaces, kernel parameters. */
export const podCases: Case<CriTarget>[] = [
  {
    id: 'pod.hostname',
    group: 'pod',
    clause: 'hostname is the host name in the sandbox (cri.proto, PodSandboxConfig.hostname)',
    proves: ['PodSandboxConfig.hostname'],
    needs: [isolation],
    async run(target) {
      await target.withPod({ hostname: 'own-name' }, async (pod) => {
        expectEqual(await (await pod.start()).script('hostname'), 'own-name', 'host name');
      });
    },
  },
  {
    id: 'pod.dns',
    group: 'pod',
    clause: '/etc/resolv.conf holds the servers, searches and options (cri.proto, DNSConfig)',
    proves: ['PodSandboxConfig.dns_config', 'DNSConfig.servers', 'DNSConfig.searches', 'DNSConfig.options'],
    needs: [isolation],
    async run(target) {
      const dnsConfig = { servers: ['192.0.2.53', '192.0.2.54'], searches: ['a.example', 'b.example'], options: ['ndots:5'] };
      await target.withPod({ dnsConfig }, async (pod) => {
        const text = await (await pod.start()).script('cat /etc/resolv.conf');
        expectMatch(text, /^nameserver 192\.0\.2\.53\n(.*\n)*nameserver 192\.0\.2\.54$/m, 'servers in their order');
        expectMatch(text, /^search a\.example b\.example$/m, 'searches');
        expectMatch(text, /^options ndots:5$/m, 'options');
      });
    },
  },
  {
    id: 'pod.sysctls',
    group: 'pod',
    clause: "sysctls are set in the sandbox's namespaces, and nowhere else (cri.proto, LinuxPodSandboxConfig.sysctls)",
    proves: ['LinuxPodSandboxConfig.sysctls'],
    needs: [network],
    async run(target) {
      const path = '/proc/sys/net/ipv4/ip_unprivileged_port_start';
      const before = existsSync(path) ? readFileSync(path, 'utf8') : '';
      await target.withPod({ linux: { sysctls: { 'net.ipv4.ip_unprivileged_port_start': '81' } } }, async (pod) => {
        expectEqual(await (await pod.start()).script(`cat ${path}`), '81', 'value in the pod');
      });
      expectEqual(existsSync(path) ? readFileSync(path, 'utf8') : '', before, 'value on this host');
    },
  },
  {
    id: 'pod.network-address',
    group: 'pod',
    clause: "network.ip is the pod's address, which its containers have (cri.proto, PodSandboxNetworkStatus.ip)",
    proves: ['PodSandboxStatus.network', 'PodSandboxNetworkStatus.ip'],
    needs: [network],
    async run(target) {
      await target.withPod({}, async (pod) => {
        const { ip, additionalIps } = present((await pod.status()).network, 'network');
        expectMatch(ip, /^[0-9a-f.:]+$/, 'ip');
        const addresses = await (await pod.start()).script('ip addr show');
        for (const one of [ip, ...additionalIps.map((other) => other.ip)])
          expectTrue(addresses.includes(` ${one}/`), `no interface has ${one}: ${addresses}`);
      });
    },
  },
  {
    id: 'pod.loopback',
    group: 'pod',
    clause: 'the loopback interface of a pod is up (kubernetes, network model)',
    proves: ['RunPodSandbox'],
    needs: [network],
    async run(target, signal) {
      expectMatch(await target.script('ip addr show lo', signal), /UP[\s\S]*127\.0\.0\.1\/8/, 'lo');
    },
  },
  {
    id: 'pod.network-shared',
    group: 'pod',
    clause: 'POD: all containers of a pod share its network namespace, and no other pod does (cri.proto, NamespaceOption.network)',
    proves: ['NamespaceOption.network', 'LinuxContainerSecurityContext.namespace_options'],
    needs: [network],
    async run(target) {
      await target.withPod({}, async (pod) => {
        const [first, second] = [await pod.start(), await pod.start()];
        const own = await first.script(namespaceOf('net'));
        expectEqual(await second.script(namespaceOf('net')), own, 'network namespace of the second container');
        const other = await target.withContainer({}, async (container) => {
          await container.start();
          return container.script(namespaceOf('net'));
        });
        expectTrue(other !== own, 'another pod has the same network namespace');
      });
    },
  },
  {
    id: 'pod.network-between-pods',
    group: 'pod',
    clause: 'pods reach each other by their addresses (kubernetes, network model)',
    proves: ['PodSandboxNetworkStatus.ip'],
    needs: [network],
    async run(target) {
      await target.withPod({}, async (pod) => {
        const { ip } = present((await pod.status()).network, 'network');
        await pod.start({ command: ['httpd', '-f', '-p', '8080', '-h', '/etc'] });
        await target.withContainer({}, async (container) => {
          await container.start();
          const page = await container.script(`for i in $(seq 25); do wget -qO- http://${ip}:8080/group && break; sleep 0.2; done`);
          expectMatch(page, /^root:/, 'what the other pod serves');
        });
      });
    },
  },
  {
    id: 'pod.host-port',
    group: 'pod',
    clause: "packets to host_port go to the sandbox's container_port (cri.proto, PortMapping)",
    proves: ['PodSandboxConfig.port_mappings', 'PortMapping.container_port', 'PortMapping.host_port'],
    needs: [network, sameHost],
    async run(target, signal) {
      const [address, hostPort] = [hostAddress(), await freePort()];
      await target.withPod({ portMappings: [{ protocol: 'TCP', containerPort: 8080, hostPort }] }, async (pod) => {
        await pod.start({ command: ['httpd', '-f', '-p', '8080', '-h', '/etc'] });
        await connectsTo(address, hostPort, signal);
        const page = await fetch(`http://${address}:${hostPort}/group`, { signal });
        expectMatch(await page.text(), /^root:/, 'what is served at the port of the host');
      });
    },
  },
  {
    id: 'pod.host-port-address',
    group: 'pod',
    clause: 'with host_ip a port is mapped at that address of the node only (cri.proto, PortMapping.host_ip)',
    proves: ['PortMapping.host_ip', 'PortMapping.protocol', 'Protocol.TCP'],
    needs: [network, sameHost],
    async run(target, signal) {
      const address = hostAddress();
      const [here, elsewhere] = [await freePort(), await freePort()];
      const portMappings = [
        { protocol: 'TCP' as const, containerPort: 8080, hostPort: here, hostIp: address },
        { protocol: 'TCP' as const, containerPort: 8080, hostPort: elsewhere, hostIp: '198.51.100.1' },
      ];
      await target.withPod({ portMappings }, async (pod) => {
        await pod.start({ command: ['httpd', '-f', '-p', '8080', '-h', '/etc'] });
        await connectsTo(address, here, signal);
        expectTrue(!(await isOpen(address, elsewhere)), 'a port that is mapped at another address is open here');
      });
    },
  },
  {
    id: 'pod.host-network',
    group: 'pod',
    clause: "NODE: the pod has the host's network, and its status says so (cri.proto, NamespaceOption.network)",
    proves: [
      'NamespaceOption.network',
      'NamespaceMode.NODE',
      'Namespace.options',
      'LinuxPodSandboxStatus.namespaces',
      'PodSandboxConfig.linux',
      'LinuxPodSandboxConfig.security_context',
      'LinuxSandboxSecurityContext.namespace_options',
    ],
    needs: [namespaces, sameHost],
    async run(target) {
      const securityContext = { namespaceOptions: { ...podNamespaces, network: 'NODE' as const } };
      await target.withPod({ hostname: '', linux: { securityContext } }, async (pod) => {
        const status = await pod.status();
        expectEqual(status.linux?.namespaces?.options?.network, 'NODE', 'network of the status');
        expectEqual(await (await pod.start()).script(namespaceOf('net')), readlinkSync('/proc/self/ns/net'), 'network namespace');
      });
    },
  },
  {
    id: 'pod.host-pid',
    group: 'pod',
    clause: "NODE: the pod has the host's PID namespace (cri.proto, NamespaceOption.pid)",
    proves: ['NamespaceOption.pid'],
    needs: [namespaces, sameHost],
    async run(target) {
      await withNamespaces(target, { pid: 'NODE' }, async (pod) => {
        expectEqual(await (await pod.start()).script(namespaceOf('pid')), readlinkSync('/proc/self/ns/pid'), 'PID namespace');
      });
    },
  },
  {
    id: 'pod.host-ipc',
    group: 'pod',
    clause: "NODE: the pod has the host's IPC namespace (cri.proto, NamespaceOption.ipc)",
    proves: ['NamespaceOption.ipc'],
    needs: [namespaces, sameHost],
    async run(target) {
      await withNamespaces(target, { ipc: 'NODE' }, async (pod) => {
        expectEqual(await (await pod.start()).script(namespaceOf('ipc')), readlinkSync('/proc/self/ns/ipc'), 'IPC namespace');
      });
    },
  },
  {
    id: 'pod.pid-per-container',
    group: 'pod',
    clause: 'CONTAINER: a container sees its own processes only (cri.proto, NamespaceOption.pid)',
    proves: ['NamespaceOption.pid', 'NamespaceMode.CONTAINER'],
    needs: [isolation],
    async run(target) {
      await target.withContainer({ command: ['sleep', '1234'] }, async (first) => {
        await first.start();
        await target.withContainer({}, async (second) => {
          await second.start();
          expectMatch(await second.script('cat /proc/1/cmdline | tr "\\0" " "'), /^sleep 1000/, 'process 1');
          expectTrue(!(await second.script('ps')).includes('sleep 1234'), 'it sees the process of another container');
        });
      });
    },
  },
  {
    id: 'pod.pid-shared',
    group: 'pod',
    clause: 'POD: the containers of a pod see the processes of one another (cri.proto, NamespaceOption.pid)',
    proves: ['NamespaceOption.pid', 'NamespaceMode.POD'],
    needs: [namespaces],
    async run(target) {
      await withNamespaces(target, { pid: 'POD' }, async (pod) => {
        const [first] = [await pod.start({ command: ['sleep', '1000'] }), await pod.start({ command: ['sleep', '1234'] })];
        expectMatch(await first.script('ps'), /sleep 1234/, 'processes that it sees');
      });
    },
  },
  {
    id: 'pod.pid-target',
    group: 'pod',
    clause: 'TARGET: a container joins the PID namespace of another (cri.proto, NamespaceOption.target_id)',
    proves: ['NamespaceOption.pid', 'NamespaceMode.TARGET', 'NamespaceOption.target_id'],
    needs: [namespaces],
    async run(target) {
      await target.withPod({}, async (pod) => {
        const debugged = await pod.start({ command: ['sleep', '1234'] });
        const namespaceOptions = { ...podNamespaces, pid: 'TARGET' as const, targetId: debugged.id };
        const debugging = await pod.start({ linux: { securityContext: { namespaceOptions } } });
        expectMatch(await debugging.script('cat /proc/1/cmdline | tr "\\0" " "'), /^sleep 1234/, 'process 1 of the namespace');
      });
    },
  },
  {
    id: 'pod.ipc-shared',
    group: 'pod',
    clause: 'POD: the containers of a pod share its IPC namespace and /dev/shm (cri.proto, NamespaceOption.ipc)',
    proves: ['NamespaceOption.ipc'],
    needs: [namespaces],
    async run(target) {
      await target.withPod({}, async (pod) => {
        const [first, second] = [await pod.start(), await pod.start()];
        expectEqual(await first.script(namespaceOf('ipc')), await second.script(namespaceOf('ipc')), 'IPC namespaces');
        await first.script('echo shared > /dev/shm/file');
        expectEqual(await second.script('cat /dev/shm/file'), 'shared', 'the file in /dev/shm');
      });
    },
  },
  {
    id: 'pod.security-context',
    group: 'pod',
    clause: "a sandbox's security context is for what is of the sandbox, not for its containers (cri.proto, LinuxSandboxSecurityContext)",
    proves: [
      'LinuxSandboxSecurityContext.run_as_user',
      'LinuxSandboxSecurityContext.run_as_group',
      'LinuxSandboxSecurityContext.readonly_rootfs',
      'LinuxSandboxSecurityContext.supplemental_groups',
      'LinuxSandboxSecurityContext.seccomp',
    ],
    needs: [security],
    async run(target) {
      const securityContext = {
        namespaceOptions: podNamespaces,
        runAsUser: { value: 1000 },
        runAsGroup: { value: 1000 },
        supplementalGroups: [3001],
        readonlyRootfs: true,
        seccomp: { profileType: 'RuntimeDefault' as const },
      };
      await target.withPod({ linux: { securityContext } }, async (pod) => {
        const output = await (await pod.start()).script('id -u; touch /file && echo writable; id -G');
        expectMatch(output, /^0\nwritable\n(?!.*3001)/, 'user, root file system and groups of a container');
      });
    },
  },
  {
    id: 'pod.namespaces-told',
    group: 'pod',
    clause: 'PodSandboxStatus tells the namespaces that the sandbox got (cri.proto, LinuxPodSandboxStatus.namespaces)',
    proves: ['PodSandboxStatus.linux', 'LinuxPodSandboxStatus.namespaces', 'Namespace.options'],
    needs: [processes],
    async run(target) {
      const { linux } = await (await target.sharedPod()).status();
      const { network: net, pid, ipc } = present(linux?.namespaces?.options, 'linux.namespaces.options');
      expectSame([net, pid, ipc], ['POD', 'CONTAINER', 'POD'], 'network, pid and ipc');
    },
  },
  {
    id: 'pod.namespaces-freed',
    group: 'pod',
    clause: 'a removed sandbox gives its namespaces back: nothing on the node holds them (cri.proto, StopPodSandbox)',
    proves: ['StopPodSandbox', 'RemovePodSandbox'],
    needs: [network, sameHost],
    // The kernel gives the number of a freed namespace to the next one.
    exclusive: true,
    async run(target) {
      const held = await target.withPod({}, async (pod) => (await pod.start()).script(`${namespaceOf('net')}; ${namespaceOf('ipc')}`));
      const [net = '', ipc = ''] = held.split('\n');
      for (const namespace of [net, ipc]) expectSame(holdersOf(namespace), [], `who still holds ${namespace}`);
    },
  },
  {
    id: 'pod.cgroup-parent',
    group: 'pod',
    clause: "the containers' cgroups lie below cgroup_parent (cri.proto, LinuxPodSandboxConfig.cgroup_parent)",
    proves: ['LinuxPodSandboxConfig.cgroup_parent'],
    needs: [resources, sameHost],
    async run(target, signal) {
      await withNamespaces(target, { pid: 'NODE' }, async (pod) => {
        const parent = pod.config.linux?.cgroupParent;
        if (parent === undefined) throw new SkipCase('the suite was not told a cgroup parent');
        const container = await pod.start({ command: ['sh', '-c', 'echo $$; exec sleep 1000'] });
        await container.says(/^\d+$/, signal);
        const paths = readFileSync(`/proc/${container.output('stdout')[0]}/cgroup`, 'utf8');
        expectTrue(paths.includes(`${parent}/`), `no cgroup lies below ${parent}: ${paths}`);
      });
    },
  },
];

/** Mounts and processes of this host that keep a namespace (`net:[4026531840]`) alive. */
function holdersOf(namespace: string): string[] {
  const mounted = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  const holders = mounted.filter((line) => line.split(' ')[3] === namespace).map((line) => line.split(' ')[4] ?? '');
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const kind = namespace.slice(0, namespace.indexOf(':'));
    try {
      if (readlinkSync(join('/proc', pid, 'ns', kind)) === namespace) holders.push(`process ${pid}`);
    } catch {
      // It ended while we looked.
    }
  }
  return holders;
}
