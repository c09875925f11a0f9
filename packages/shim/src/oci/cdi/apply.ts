import type { OciConfig, OciHook } from '../config-json.ts';
import type { GrantedDevice } from '../devices.ts';
import type { ContainerEdits } from './specification.ts';

/** A configuration with edits made in order; `devices` are the nodes that they name. */
export function withCdiEdits(config: OciConfig, edits: ContainerEdits[], devices: GrantedDevice[]): OciConfig {
  if (edits.length === 0) return config;
  const { process, linux } = config;
  const taken = new Set(devices.map(({ path }) => path));
  const gids = edits.flatMap(({ additionalGids }) => additionalGids);
  return {
    ...config,
    process: {
      ...process,
      env: withVariables(
        process.env,
        edits.flatMap(({ env }) => env),
      ),
      user: { ...process.user, additionalGids: [...new Set([...process.user.additionalGids, ...gids])] },
    },
    mounts: [...config.mounts, ...edits.flatMap((each) => each.mounts.map(mount)).toSorted((a, b) => depth(a) - depth(b))],
    hooks: hooks(edits),
    linux: {
      ...linux,
      devices: [...linux.devices.filter(({ path }) => !taken.has(path)), ...devices.map(({ access: _, ...device }) => device)],
      resources: {
        ...linux.resources,
        devices: [
          ...linux.resources.devices,
          ...devices.map(({ type, major, minor, access }) => ({ allow: true, type, major, minor, access })),
        ],
      },
    },
  };
}

function withVariables(env: string[], added: string[]): string[] {
  const name = (variable: string): string => variable.split('=', 1)[0] as string;
  return [...new Map([...env, ...added].map((variable) => [name(variable), variable])).values()];
}

function mount({ hostPath, containerPath, type, options }: ContainerEdits['mounts'][number]): OciConfig['mounts'][number] {
  return { destination: containerPath, source: hostPath, type, options: options.length > 0 ? options : ['rbind', 'rprivate', 'rw'] };
}

function depth({ destination }: { destination: string }): number {
  return destination.split('/').filter(Boolean).length;
}

function hooks(edits: ContainerEdits[]): OciConfig['hooks'] {
  const all = edits.flatMap((each) => each.hooks);
  const byName = Object.groupBy(all, ({ name }) => name);
  return Object.fromEntries(
    Object.entries(byName).map(([name, list]) => [
      name,
      list.map(({ path, args, env, timeout }): OciHook => ({ path, args, env, ...(timeout !== undefined && { timeout }) })),
    ]),
  );
}
