import type { ContainerSpec } from '../runtime.ts';
import { type AppArmor, appArmorChoice } from './apparmor.ts';
import { grantCapabilities } from './capabilities.ts';
import { withCdiEdits } from './cdi/apply.ts';
import { cdiDeviceNodes } from './cdi/device-nodes.ts';
import { cdiNames } from './cdi/names.ts';
import { cdiEdits } from './cdi/registry.ts';
import type { OciConfig } from './config-json.ts';
import { hostDevices, requestedDevices } from './devices.ts';
import type { HostFacts } from './host-facts.ts';
import { seccompChoice, seccompFilter } from './seccomp.ts';
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
  const privileged = context?.privileged ?? false;
  const { granted } = grantCapabilities(context?.capabilities, privileged, facts.bounding, object);
  const edits = await cdiEdits(cdiNames(container.config), object, cdiDirectories);
  const config = containerConfig({
    container,
    facts,
    devices: privileged ? await hostDevices() : await requestedDevices(container.config.devices, object),
    seccomp: await seccompFilter(seccompChoice(context, object), granted, facts.architecture, object),
    apparmorProfile: await appArmor.profile(appArmorChoice(context, object), object, signal),
    sharedMemory,
    pidNamespace,
  });
  return withCdiEdits(config, edits, await cdiDeviceNodes(edits, object));
}
