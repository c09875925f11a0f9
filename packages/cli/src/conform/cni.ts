import { type CniTargetOptions, cniSuite, type PluginKind, pluginKinds, runCniSuite } from '@berth/conformance/cni';
import { Command, Option } from 'commander';
import { type FrameOptions, frameOptions, judge } from './frame.ts';

interface CniConformOptions extends FrameOptions {
  plugin: string;
  config?: string;
  kind?: PluginKind;
  cniPath?: string;
}

/** `berth conform cni`: the CNI suite on any executable. */
export function cniConform(): Command {
  const command = new Command('cni')
    .description('judge a CNI plugin, on hosts that are namespaces; exit status 0 only with 0 failed and nothing left behind')
    .requiredOption('--plugin <path>', 'the plugin’s executable; its file name is its type')
    .option('--config <file>', 'JSON file with its network configuration, or with a list of plugins (default: one that fits its name)')
    .addOption(
      new Option(
        '--kind <kind>',
        'whether it makes interfaces, gives addresses, or changes what other plugins have made (default: told by its configuration or its name)',
      ).choices(pluginKinds),
    )
    .option('--cni-path <directories>', 'where else to look for plugins that it needs, separated by colons (default: its own directory)');
  return frameOptions(command).action(async (_options: unknown, called: Command) => {
    const options = called.optsWithGlobals<CniConformOptions>();
    process.exitCode = await judge(cniSuite, options, (run) => runCniSuite(targetOptions(options), run));
  });
}

function targetOptions({ plugin, config, kind, cniPath }: CniConformOptions): CniTargetOptions {
  return {
    plugin,
    ...(config !== undefined && { configFile: config }),
    ...(kind !== undefined && { kind }),
    ...(cniPath !== undefined && { path: cniPath.split(':').filter(Boolean) }),
  };
}
