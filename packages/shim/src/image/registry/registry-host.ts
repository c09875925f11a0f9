/** Where hosts are configured unless berth.yaml or `--registry-config-path` say otherwise. */
export const defaultRegistryConfigPath = '/etc/berth/certs.d';

export const capabilities = ['pull', 'resolve', 'push'] as const;
export type Capability = (typeof capabilities)[number];

/** How one host of a registry is spoken to: an entry of hosts.toml, or what stands for it where there is none. */
export interface HostSettings {
  capabilities: Capability[];
  /** Paths of PEM files whose authorities are trusted besides those of the system. */
  ca: string[];
  /** Paths of PEM files: a certificate and its key, which may be in one file. */
  client: { cert: string; key: string }[];
  /** Undefined: not said. */
  skipVerify: boolean | undefined;
  /** Sent with each request to this host. */
  header: Record<string, string[]>;
  dialTimeoutMs: number;
  /** `http://proxy:8080`; undefined for what the environment says (HTTPS_PROXY, HTTP_PROXY, NO_PROXY). */
  proxy: string | undefined;
}

/** Where a repository is asked for, in the order of hosts.toml. */
export interface RegistryHost extends HostSettings {
  /** The root of the distribution API, without a slash at its end: `https://mirror.example/v2`. */
  api: string;
  /** As errors name it: `mirror mirror.example`, `registry registry.example:5000`. */
  name: string;
  /** The registry that a mirror is asked to stand for (query parameter `ns`, as containerd sends it); undefined for the registry itself. */
  namespace: string | undefined;
  /** Whether it is the one that the image's name, or `server`, means: credentials without an address are for it alone. */
  isOwn: boolean;
}

/** Slow enough for any link; a mirror that is gone is found out in a time that a person waits. */
const dialTimeoutMs = 10_000;

export const defaultSettings: HostSettings = {
  capabilities: [...capabilities],
  ca: [],
  client: [],
  skipVerify: undefined,
  header: {},
  dialTimeoutMs,
  proxy: undefined,
};

/** Whether `HOST:PORT` is this machine, where nobody can listen in on plain HTTP. */
export function isLoopback(host: string): boolean {
  return /^(localhost|127(\.\d+){3}|\[::1\])(:\d+)?$/.test(host);
}
