import type { ContainerSpec } from '../runtime.ts';
import { type AppArmor, appArmorChoice } from './apparmor.ts';
import { grantCapabilities } from './capabilities.ts';
import { withCdiEdits } from './cdi/apply.ts';
import { cdiDeviceNodes } from './cdi/device-nodes.ts';
import { cdiNames } from './cdi/names.ts';
import { cdiEdits } from './cdi/registry.ts';
import type { OciConfig } from './config-json.ts';
import { type GrantedDevice, hostDevices, requestedDevices } from './devices.ts';
import type { HostFacts } from './host-facts.ts';
import { checkPropagation } from './mount-propagation.ts';
import { seccompChoice, seccompFilter } from './seccomp.ts';
import { relabel, toBeRelabelled } from './selinux-relabel.ts';
import { containerConfig, describeContainer } from './spec.ts';

interface Host {
  facts: HostFacts;
  appArmor: AppArmor;
  /** What the sandbox's containers see as /dev/shm. */
  sharedMemory: string | undefined;
  /** The PID namespace to be joined, if any. */
  pidNamespace: string | undefined;
  cdiDirectories: string[];
}

/** Reads from the host what a container's configuration needs, and puts that together. Throws what the request can't have here. */
export async function assembleConfig(
  container: ContainerSpec,
  { facts, appArmor, sharedMemory, pidNamespace, cdiDirectories }: Host,
  signal: AbortSignal,
): Promise<OciConfig> {
  const object = describeContainer(container);
  const context = container.config.linux?.securityContext;
  const { granted } = grantCapabilities(context?.capabilities, context?.privileged ?? false, facts.bounding, object);
  await checkPropagation(container.mounts, object);
  const edits = await cdiEdits(cdiNames(container.config), object, cdiDirectories);
  const config = containerConfig({
    container,
    facts,
    devices: await devices(container, object),
    seccomp: await seccompFilter(seccompChoice(context, object), granted, facts.seccompArchitectures, object),
    apparmorProfile: await appArmor.profile(appArmorChoice(context, object), object, signal),
    sharedMemory,
    pidNamespace,
  });
  const { mountLabel } = config.linux;
  if (mountLabel !== undefined) await relabel(toBeRelabelled(container), mountLabel, object, signal);
  return withCdiEdits(config, edits, await cdiDeviceNodes(edits, object));
}

/** A privileged container has the host's besides, each at its place unless the request puts another there. */
async function devices({ config }: ContainerSpec, object: string): Promise<GrantedDevice[]> {
  const requested = await requestedDevices(config.devices, object);
  const all = config.linux?.securityContext?.privileged ? [...(await hostDevices()), ...requested] : requested;
  return [...new Map(all.map((device) => [device.path, device])).values()];
}
