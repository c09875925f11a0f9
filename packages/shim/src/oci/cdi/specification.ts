import { isCdiDeviceName, isCdiKind } from '@berth/sdk/cdi-name';
import { PluginError } from '@berth/sdk/errors';

/** A CDI specification (container-device-interface, SPEC.md), as far as it is carried out here. */
export interface CdiSpecification {
  /** `vendor.com/class`. */
  kind: string;
  devices: Map<string, ContainerEdits>;
  /** Made once for a container that has any of the devices. */
  edits: ContainerEdits;
}

/** What a device changes of a container. */
export interface ContainerEdits {
  /** `NAME=value`. */
  env: string[];
  deviceNodes: CdiDeviceNode[];
  mounts: { hostPath: string; containerPath: string; type: string; options: string[] }[];
  hooks: { name: CdiHookName; path: string; args: string[]; env: string[]; timeout: number | undefined }[];
  additionalGids: number[];
}

export interface CdiDeviceNode {
  path: string;
  hostPath: string | undefined;
  type: string | undefined;
  major: number | undefined;
  minor: number | undefined;
  fileMode: number | undefined;
  permissions: string;
  uid: number | undefined;
  gid: number | undefined;
}

const hookNames = ['prestart', 'createRuntime', 'createContainer', 'startContainer', 'poststart', 'poststop'] as const;
type CdiHookName = (typeof hookNames)[number];

/** Versions whose fields are known: 1.1 adds what is refused by name. */
const knownVersions = /^(0\.[3-8]|1\.[01])\.\d+$/;

/** Fields that change a container in ways that aren't carried out; leaving them out silently could leave it without protection. */
const refusedEdits = ['intelRdt', 'netDevices'];

/** Checks what a file holds; throws INVALID_ARGUMENT that names the field. `object` names the file. */
export function parseCdiSpecification(content: unknown, object: string): CdiSpecification {
  const fields = new Fields(content, '', object);
  const version = fields.text('cdiVersion');
  if (!knownVersions.test(version)) fields.refuse('cdiVersion', `${JSON.stringify(version)} is not known`);
  const kind = fields.text('kind');
  if (!isCdiKind(kind)) fields.refuse('kind', `${JSON.stringify(kind)} is not of the form vendor.com/class`);
  const devices = new Map<string, ContainerEdits>();
  for (const device of fields.list('devices')) {
    const name = device.text('name');
    if (!isCdiDeviceName(name)) device.refuse('name', `${JSON.stringify(name)} is no device name`);
    if (devices.has(name)) device.refuse('name', `${JSON.stringify(name)} stands there twice`);
    devices.set(name, edits(device.part('containerEdits')));
  }
  return { kind, devices, edits: edits(fields.part('containerEdits')) };
}

function edits(fields: Fields): ContainerEdits {
  for (const name of refusedEdits) if (fields.has(name)) fields.refuse(name, 'is not supported');
  const env = fields.texts('env');
  const wrong = env.find((variable) => !/^[^=\0]+=[^\0]*$/.test(variable));
  if (wrong !== undefined) fields.refuse('env', `${JSON.stringify(wrong)} is not of the form NAME=value`);
  return {
    env,
    deviceNodes: fields.list('deviceNodes').map(deviceNode),
    mounts: fields.list('mounts').map((mount) => ({
      hostPath: mount.path('hostPath'),
      containerPath: mount.path('containerPath'),
      type: mount.optionalText('type') ?? 'bind',
      options: mount.texts('options'),
    })),
    hooks: fields.list('hooks').map((hook) => ({
      name: hookNames.find((name) => name === hook.text('hookName')) ?? hook.refuse('hookName', 'is no hook of the OCI specification'),
      path: hook.path('path'),
      args: hook.texts('args'),
      env: hook.texts('env'),
      timeout: hook.number('timeout'),
    })),
    additionalGids: fields.numbers('additionalGids').filter((gid) => gid !== 0),
  };
}

function deviceNode(fields: Fields): CdiDeviceNode {
  const permissions = fields.optionalText('permissions') ?? 'rwm';
  if (!/^[rwm]{1,3}$/.test(permissions)) fields.refuse('permissions', "aren't of r, w and m");
  const type = fields.optionalText('type');
  if (type !== undefined && !['b', 'c', 'u', 'p', ''].includes(type)) fields.refuse('type', 'is no type of a device');
  return {
    path: fields.path('path'),
    hostPath: fields.has('hostPath') ? fields.path('hostPath') : undefined,
    type: type || undefined,
    major: fields.number('major'),
    minor: fields.number('minor'),
    fileMode: fields.number('fileMode'),
    permissions,
    uid: fields.number('uid'),
    gid: fields.number('gid'),
  };
}

/** A JSON object whose fields are read by the type that they must have. */
class Fields {
  readonly #values: Record<string, unknown>;
  readonly #place: string;
  readonly #object: string;

  constructor(value: unknown, place: string, object: string) {
    this.#place = place;
    this.#object = object;
    this.#values = {};
    if (typeof value !== 'object' || value === null || Array.isArray(value)) this.refuse('', 'is no object');
    this.#values = value as Record<string, unknown>;
  }

  refuse(name: string, what: string): never {
    const field = [this.#place, name].filter(Boolean).join('.');
    throw new PluginError('INVALID_ARGUMENT', `${field || 'its content'} ${what}`, {
      object: this.#object,
      hint: 'mend the CDI specification',
    });
  }

  has(name: string): boolean {
    return this.#values[name] !== undefined && this.#values[name] !== null;
  }

  text(name: string): string {
    return this.optionalText(name) ?? this.refuse(name, 'is required');
  }

  optionalText(name: string): string | undefined {
    const value = this.#values[name];
    if (value === undefined || value === null) return undefined;
    return typeof value === 'string' ? value : this.refuse(name, 'is no text');
  }

  path(name: string): string {
    const value = this.text(name);
    return value.startsWith('/') && !value.includes('\0') ? value : this.refuse(name, 'is no absolute path');
  }

  number(name: string): number | undefined {
    const value = this.#values[name];
    if (value === undefined || value === null) return undefined;
    return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : this.refuse(name, 'is no whole number');
  }

  texts(name: string): string[] {
    return this.#items(name).map((item) => (typeof item === 'string' ? item : this.refuse(name, 'is no list of texts')));
  }

  numbers(name: string): number[] {
    const isNumber = (item: unknown): item is number => typeof item === 'number' && Number.isSafeInteger(item) && item >= 0;
    return this.#items(name).map((item) => (isNumber(item) ? item : this.refuse(name, 'is no list of whole numbers')));
  }

  part(name: string): Fields {
    return new Fields(this.#values[name] ?? {}, [this.#place, name].filter(Boolean).join('.'), this.#object);
  }

  list(name: string): Fields[] {
    const place = [this.#place, name].filter(Boolean).join('.');
    return this.#items(name).map((item, index) => new Fields(item, `${place}[${index}]`, this.#object));
  }

  #items(name: string): unknown[] {
    const value = this.#values[name] ?? [];
    return Array.isArray(value) ? value : this.refuse(name, 'is no list');
  }
}
