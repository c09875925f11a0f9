import { lstat, mkdir, readdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { PluginError } from '../errors.ts';
import { type DevicePluginOptions, type RegisterRequest, RegistrationService } from '../gen/device-plugin.ts';
import { ifThere } from '../if-there.ts';
import { quoted } from '../quoted.ts';
import { type Served, serve } from '../serve.ts';
import { prepareSocketFile } from '../socket-file.ts';
import { devicePluginVersion, kubeletSocket } from './constants.ts';
import { checkResourceName } from './resource-name.ts';

/** A device plugin that has made itself known. */
export interface DeviceRegistration {
  resourceName: string;
  /** Path of the socket on which it serves. */
  socket: string;
  /** As it says of itself here; what it answers to GetDevicePluginOptions counts. */
  options: DevicePluginOptions | undefined;
}

interface DeviceRegistrationOptions {
  /** The kubelet's directory for device plugins. */
  directory: string;
  /** Takes a plugin, or throws why not. The plugin waits for it, and serves by now. */
  register(registration: DeviceRegistration): Promise<void> | void;
  /** Told of each registration that fails, and why; the plugin is told the same. */
  refused?(request: RegisterRequest, error: PluginError): void;
}

/**
 * Serves the kubelet's side of the registration of device plugins, on `kubelet.sock` in their directory (0750). All other sockets in it are of plugins
 * that a kubelet before had: they are removed, by which plugins notice that they are to register again (kubernetes:pkg/kubelet/cm/devicemanager/plugin/v1beta1).
 * ALREADY_EXISTS, and nothing is removed, where another kubelet serves there.
 */
export async function serveDeviceRegistration({ directory, register, refused }: DeviceRegistrationOptions): Promise<Served> {
  await mkdir(directory, { recursive: true, mode: 0o750 });
  const socket = join(directory, kubeletSocket);
  await prepareSocketFile(socket);
  for (const name of await readdir(directory)) await removeSocket(join(directory, name));
  return serve(`unix://${socket}`, [
    [
      RegistrationService,
      {
        async register(request) {
          try {
            checkRegistration(request);
            const { resourceName, endpoint, options } = request;
            await register({ resourceName, socket: join(directory, endpoint), options });
          } catch (thrown) {
            refused?.(request, PluginError.from(thrown));
            throw thrown;
          }
          return {};
        },
      },
    ],
  ]);
}

/** Its plugin may have removed it by now. */
async function removeSocket(path: string): Promise<void> {
  if ((await ifThere(path, lstat(path)))?.isSocket()) await rm(path, { force: true });
}

function checkRegistration({ version, resourceName, endpoint }: RegisterRequest): void {
  const object = `registration of the device plugin ${quoted(endpoint)} for ${quoted(resourceName)}`;
  if (version !== devicePluginVersion) {
    throw new PluginError('INVALID_ARGUMENT', `the API version ${quoted(version)} is not supported`, {
      object,
      hint: `register with the version ${devicePluginVersion}`,
    });
  }
  checkResourceName(resourceName, object);
  checkEndpoint(endpoint, object);
}

/** INVALID_ARGUMENT for what can't be the name of a plugin's socket beside the kubelet's; `object` is who gives it. */
export function checkEndpoint(endpoint: string, object: string): void {
  if (endpoint === kubeletSocket) {
    throw new PluginError('INVALID_ARGUMENT', `its endpoint ${kubeletSocket} is the kubelet's own socket`, {
      object,
      hint: 'serve on a socket of another name',
    });
  }
  if (endpoint !== '' && !endpoint.includes('\0') && basename(endpoint) === endpoint && endpoint !== '..' && endpoint !== '.') return;
  throw new PluginError('INVALID_ARGUMENT', 'its endpoint is no name of a socket in the directory of device plugins', {
    object,
    hint: 'give the name of the file alone, without its directory',
  });
}
