import type { Pod } from '@berth/api/objects';
import { isExtendedResourceName } from '@berth/api/resource-names';
import { fullNameOf, namespaceOf } from '../pod.ts';
import { shutdownReason } from '../shutdown/shutdown-groups.ts';
import type { Step } from './step.ts';

interface Trouble {
  reason: string;
  message: string;
}

/** What the cure has to name. */
interface Place {
  pod: Pod;
  handler: string;
  /** Of the container that the trouble is about. */
  image?: string;
}

type Cure = (trouble: Trouble, place: Place) => string;

const refused = 'change the manifest: a refused pod is not tried again';

/** For a pod that is over, whatever for. */
export const notStartedAgain = 'change the manifest, or delete it: a pod that is over is not started again';

const cures: Record<string, Cure> = {
  ErrImagePull: (_, { image }) =>
    `load it with "berth image load FILE", or pull it by hand to see why: "berth image pull ${image}"; or correct the image's name`,
  InvalidImageName: () => "correct the image's name in the manifest",
  ErrImageNeverPull: (_, { image }) => `load ${image} with "berth image load FILE", or change imagePullPolicy from Never to IfNotPresent`,
  ImageInspectError: (_, { handler }) => `look whether the runtime ${handler} is well: "berth doctor"`,
  RuntimeUnavailable: ({ message }, { handler }) =>
    `start the runtime ${handler}, which has to answer on ${socketIn(message) ?? 'its socket'}; its log is in ROOT/logs`,
  FailedCreatePodSandBox: (_, { pod }) =>
    `see which part of the sandbox failed: "berth trace ${fullNameOf(pod)}", its network: "berth trace --cni ${fullNameOf(pod)}"`,
  FailedAllocateDevices: () => 'start the device plugin of that resource, or see in its log why it does not register',
  UnexpectedAdmissionError: ({ message }) =>
    `${message.includes('requested number of devices unavailable') ? 'end a pod that has such a device, or see why its plugin says that it is unhealthy' : 'mend what the message names'}; then ${notStartedAgain}`,
  FailedMount: (trouble, place) => missingObject(trouble, place) ?? 'correct the volume in the manifest, or make what it refers to',
  CreateContainerConfigError: (trouble, place) =>
    missingObject(trouble, place) ??
    (/a device plugin|the device plugin/.test(trouble.message)
      ? 'none in the manifest: see what the message says of the device plugin, and its log'
      : 'correct what the message names in the manifest'),
  CreateContainerError: (_, { pod }) => `see what the runtime was asked: "berth trace ${fullNameOf(pod)}"`,
  RunContainerError: () => 'look whether command and working directory are in the image',
  PostStartHookError: () => 'correct the postStart hook, or what it calls',
  NodeAffinity: ({ message }) => {
    const [option] = /--node-labels \S+/.exec(message) ?? [];
    return option ? `start the node with ${option}, besides the labels that it is given already; or ${refused}` : refused;
  },
  NodePorts: () => 'end the pod that has the port, or take another hostPort, then change the manifest: a refused pod is not tried again',
  Evicted: () => `make room on the node, or request what the pod uses, or let it use less; then ${notStartedAgain}`,
  DeadlineExceeded: () => `raise activeDeadlineSeconds, or let the pod end sooner; then ${notStartedAgain}`,
  Preempting: () => `make room on the node for both pods; then ${notStartedAgain}`,
  [shutdownReason]: () => 'none: it begins anew by itself once the node is up again',
  RuntimeClassNotFound: () => 'take one of the RuntimeClasses that the message names, or add a runtime of that handler to berth.yaml',
};

/** What would end that trouble; nothing where nobody but the author can tell. */
export function cureOf(trouble: Trouble, place: Place): Pick<Step, 'cure'> {
  const reason = trouble.reason === 'ImagePullBackOff' ? 'ErrImagePull' : trouble.reason;
  const cure = cures[reason]?.(trouble, place) ?? devicesCure(trouble);
  if (cure !== undefined) return { cure };
  return /^Pod was rejected: /.test(trouble.message) ? { cure: refused } : {};
}

/** Where the node has too few devices, or none yet. */
function devicesCure({ reason }: Trouble): string | undefined {
  const resource = reason.replace(/^OutOf/, '');
  if (resource === reason || !isExtendedResourceName(resource)) return undefined;
  return `see whether the plugin for ${resource} has registered: "berth node -o wide"; or end a pod that has such a device; then ${refused}`;
}

/** A config map or secret that isn't there, as kubelet words it. */
function missingObject({ message }: Trouble, { pod }: Place): string | undefined {
  const [, kind = '', name, refused] = /(secret|configmap|serviceaccount) "(?:[^"/]+\/)?([^"]+)" not found(: )?/i.exec(message) ?? [];
  if (name === undefined) return undefined;
  if (refused) return 'correct the file that the message names';
  const kinds: Record<string, string> = { secret: 'Secret', configmap: 'ConfigMap', serviceaccount: 'ServiceAccount' };
  const object = `a ${kinds[kind.toLowerCase()]} ${name} of the namespace ${namespaceOf(pod)}`;
  return `write ${object} to a file among the manifests, or to one that the node is given by --objects`;
}

function socketIn(message: string): string | undefined {
  return /unix:\/\/[^\s;,:]+/.exec(message)?.[0];
}
