import { type DeviceTargetOptions, deviceSuite, runDeviceSuite } from '@berth/conformance/device';
import { Command, InvalidArgumentError } from 'commander';
import { type FrameOptions, frameOptions, judge } from './frame.ts';

interface DeviceConformOptions extends FrameOptions {
  socket?: string;
  command?: string;
  resource?: string;
  pluginDirectory?: string;
  makeUnhealthy?: string;
  makeHealthy?: string;
  patience?: number;
}

/** `berth conform device`: the device plugin suite on a command that it starts, or on a socket. */
export function deviceConform(): Command {
  const command = new Command('device')
    .description('judge a device plugin; exit status 0 only with 0 failed')
    .option(
      '--command <line>',
      'shell command that runs the plugin; it finds the kubelet in {dir}, in $DEVICE_PLUGIN_DIRECTORY, or at the usual place (as root)',
    )
    .option('--socket <file>', 'socket of a plugin that serves already; the cases about registration, restarts and shutdown are skipped')
    .option('--resource <name>', 'resource to be judged, where the command registers several')
    .option(
      '--plugin-directory <directory>',
      'where else the command looks for the kubelet (default: /var/lib/kubelet/device-plugins); as root',
    )
    .option(
      '--make-unhealthy <line>',
      'shell command that makes a device unhealthy, the first of the list as $DEVICE_ID, for the cases about health',
    )
    .option('--make-healthy <line>', 'shell command that makes it healthy again')
    .option('--patience <seconds>', 'how long the plugin may take to register, to tell of a change, to end (default: 40)', seconds);
  return frameOptions(command).action(async (_options: unknown, called: Command) => {
    const options = called.optsWithGlobals<DeviceConformOptions>();
    process.exitCode = await judge(deviceSuite, options, (run) => runDeviceSuite(targetOptions(options), run));
  });
}

function targetOptions({
  socket,
  command,
  resource,
  pluginDirectory,
  makeUnhealthy,
  makeHealthy,
  patience,
}: DeviceConformOptions): DeviceTargetOptions {
  return {
    ...(socket !== undefined && { socket }),
    ...(command !== undefined && { command }),
    ...(resource !== undefined && { resource }),
    ...(pluginDirectory !== undefined && { pluginDirectory }),
    ...(makeUnhealthy !== undefined && { makeUnhealthy }),
    ...(makeHealthy !== undefined && { makeHealthy }),
    ...(patience !== undefined && { patienceMs: patience * 1000 }),
  };
}

function seconds(text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number >= 1 && number <= 600) return number;
  throw new InvalidArgumentError('It has to be a whole number of seconds from 1 to 600.');
}
