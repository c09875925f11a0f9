import { defaultPullPolicy } from './defaults/pull-policy.ts';
import { defaultVolume } from './defaults/volume.ts';
import type {
  Container,
  ContainerPort,
  EnvVar,
  EphemeralContainer,
  HTTPGetAction,
  Lifecycle,
  LifecycleHandler,
  Pod,
  PodSpec,
  Probe,
  Secret,
} from './objects.ts';

type AnyContainer = Container | EphemeralContainer;

/**
 * A copy of the pod with every default that the API server sets on it (Kubernetes `SetDefaults_Pod` and its kin). What the server
 * generates (uid, creationTimestamp, name from generateName) and what admission adds (service account, priority) is not among them.
 * Idempotent.
 */
export function defaultPod(pod: Pod): Pod {
  return pod.spec ? { ...pod, spec: defaultPodSpec(pod.spec) } : pod;
}

/** A copy of the secret as the API server keeps it: with a type, and with `stringData` in `data`. Idempotent. */
export function defaultSecret({ stringData, ...secret }: Secret): Secret {
  const written = Object.entries(stringData ?? {}).map(([key, value]) => [key, Buffer.from(value).toString('base64')]);
  const data = { ...secret.data, ...Object.fromEntries(written) };
  return { ...secret, type: secret.type || 'Opaque', ...(Object.keys(data).length > 0 && { data }) };
}

function defaultPodSpec(spec: PodSpec): PodSpec {
  const container = <T extends AnyContainer>(each: T): T => defaultContainer(spec.hostNetwork ? withHostPorts(each) : each);
  return {
    ...spec,
    restartPolicy: spec.restartPolicy || 'Always',
    terminationGracePeriodSeconds: spec.terminationGracePeriodSeconds ?? 30,
    dnsPolicy: spec.dnsPolicy || 'ClusterFirst',
    schedulerName: spec.schedulerName || 'default-scheduler',
    enableServiceLinks: spec.enableServiceLinks ?? true,
    securityContext: spec.securityContext ?? {},
    containers: (spec.containers ?? []).map((each) => withResizePolicy(requestsFromLimits(container(each)))),
    ...(spec.initContainers && { initContainers: spec.initContainers.map((each) => defaultInit(container(each))) }),
    ...(spec.ephemeralContainers && { ephemeralContainers: spec.ephemeralContainers.map((each) => defaultContainer(each)) }),
    ...(spec.volumes && { volumes: spec.volumes.map(defaultVolume) }),
  };
}

function defaultContainer<T extends AnyContainer>(container: T): T {
  return {
    ...container,
    imagePullPolicy: container.imagePullPolicy || defaultPullPolicy(container.image),
    terminationMessagePath: container.terminationMessagePath || '/dev/termination-log',
    terminationMessagePolicy: container.terminationMessagePolicy || 'File',
    resources: container.resources ?? {},
    ...(container.ports && { ports: container.ports.map(defaultPort) }),
    ...(container.env && { env: container.env.map(defaultEnv) }),
    ...(container.lifecycle && { lifecycle: defaultLifecycle(container.lifecycle) }),
    ...(container.startupProbe && { startupProbe: defaultProbe(container.startupProbe) }),
    ...(container.livenessProbe && { livenessProbe: defaultProbe(container.livenessProbe) }),
    ...(container.readinessProbe && { readinessProbe: defaultProbe(container.readinessProbe) }),
  };
}

function requestsFromLimits(container: Container): Container {
  const { resources } = container;
  return resources?.limits
    ? { ...container, resources: { ...resources, requests: { ...resources.limits, ...resources.requests } } }
    : container;
}

/** Of init containers, only sidecars run long enough to be resized. */
function defaultInit(container: Container): Container {
  const requesting = requestsFromLimits(container);
  return container.restartPolicy === 'Always' ? withResizePolicy(requesting) : requesting;
}

/** What may be changed in place is, without a restart, unless the container says otherwise. */
function withResizePolicy(container: Container): Container {
  const { resources: { limits, requests } = {}, resizePolicy = [] } = container;
  const unsaid = ['cpu', 'memory'].filter(
    (name) =>
      (limits?.[name] !== undefined || requests?.[name] !== undefined) && !resizePolicy.some(({ resourceName }) => resourceName === name),
  );
  if (unsaid.length === 0) return container;
  return {
    ...container,
    resizePolicy: [...resizePolicy, ...unsaid.map((resourceName) => ({ resourceName, restartPolicy: 'NotRequired' }))],
  };
}

function withHostPorts<T extends AnyContainer>(container: T): T {
  if (!container.ports) return container;
  return { ...container, ports: container.ports.map((port) => ({ ...port, hostPort: port.hostPort || port.containerPort })) };
}

function defaultPort(port: ContainerPort): ContainerPort {
  return { ...port, protocol: port.protocol || 'TCP' };
}

function defaultEnv(variable: EnvVar): EnvVar {
  const fieldRef = variable.valueFrom?.fieldRef;
  if (!fieldRef) return variable;
  return { ...variable, valueFrom: { ...variable.valueFrom, fieldRef: { ...fieldRef, apiVersion: fieldRef.apiVersion || 'v1' } } };
}

function defaultProbe(probe: Probe): Probe {
  return {
    ...probe,
    timeoutSeconds: probe.timeoutSeconds || 1,
    periodSeconds: probe.periodSeconds || 10,
    successThreshold: probe.successThreshold || 1,
    failureThreshold: probe.failureThreshold || 3,
    ...(probe.httpGet && { httpGet: defaultHttpGet(probe.httpGet) }),
    ...(probe.grpc && { grpc: { ...probe.grpc, service: probe.grpc.service ?? '' } }),
  };
}

function defaultLifecycle(lifecycle: Lifecycle): Lifecycle {
  return {
    ...lifecycle,
    ...(lifecycle.postStart && { postStart: defaultHandler(lifecycle.postStart) }),
    ...(lifecycle.preStop && { preStop: defaultHandler(lifecycle.preStop) }),
  };
}

function defaultHandler(handler: LifecycleHandler): LifecycleHandler {
  return handler.httpGet ? { ...handler, httpGet: defaultHttpGet(handler.httpGet) } : handler;
}

function defaultHttpGet(httpGet: HTTPGetAction): HTTPGetAction {
  return { ...httpGet, path: httpGet.path || '/', scheme: httpGet.scheme || 'HTTP' };
}
