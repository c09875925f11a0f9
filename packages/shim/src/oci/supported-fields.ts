import { runProgram } from '../run-program.ts';

/** Of the fields that the shim refuses unless a runtime supports them: those that any OCI runtime can do. */
const always = [
  'mounts[].image',
  'CDI_devices',
  // Those that name CDI devices.
  'annotations',
  'linux.security_context.namespace_options.pid',
  'linux.security_context.namespace_options.target_id',
];

/** The shim makes user namespaces and maps the ids of mounts: an OCI runtime has but to join. */
const userNamespaces = ['linux.security_context.namespace_options.userns_options', 'mounts[].uid_mappings'];

/** The part of `runc features` that is looked at (the OCI specification's features.md). */
interface OciFeatures {
  mountOptions?: string[];
  linux?: { namespaces?: string[] };
}

/** Fields that an OCI runtime can do; one that has no `features` command is taken to do no more than all can. */
export async function supportedFields(binary: string, signal: AbortSignal): Promise<string[]> {
  const { mountOptions = [], linux } = await features(binary, signal);
  return [
    ...always,
    ...(mountOptions.includes('rro') ? ['mounts[].recursive_read_only'] : []),
    ...(linux?.namespaces?.includes('user') ? userNamespaces : []),
  ];
}

async function features(binary: string, signal: AbortSignal): Promise<OciFeatures> {
  try {
    return JSON.parse(await runProgram(binary, ['features'], { signal, timeoutMs: 10_000 })) as OciFeatures;
  } catch {
    signal.throwIfAborted();
    return {};
  }
}
