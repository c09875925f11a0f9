import { Command } from 'commander';
import picocolors from 'picocolors';
import { type ConfigFinding, passedOver, validateConfiguration } from '../../cni/validation.ts';
import { formatListing, type OutputFormat } from '../../view/listing.ts';
import { outputOption } from '../../view/output-option.ts';
import { invoked } from './invoked.ts';

const marks = {
  used: picocolors.green('used'),
  'not used': 'not used',
  warning: picocolors.yellow('warning'),
  failed: picocolors.red('failed'),
};

const columns = [
  { header: 'FILE', value: ({ file }: ConfigFinding) => file },
  { header: 'NETWORK', value: ({ network }: ConfigFinding) => network || '-' },
  { header: 'VERDICT', value: ({ verdict }: ConfigFinding) => marks[verdict] },
  { header: 'FOUND', value: ({ found }: ConfigFinding) => found },
];

/** `berth cni validate [DIR]`: exit status 1 where a file is broken, or pods can't get a network. */
export function cniValidateCommand(): Command {
  return new Command('validate')
    .description(
      'which network configuration wins and why, and what is wrong with it and with the others; asks each plugin for its versions',
    )
    .argument('[directory]', 'of configurations (default: as --conf-dir)')
    .addOption(outputOption())
    .action(async (directory: string | undefined, { output }: { output: OutputFormat }, command: Command) => {
      await invoked(command, async (cni, signal) => {
        const { confDir, passedOver: nodeConfDir } = cni.directories;
        const findings = await validateConfiguration(directory ?? confDir, cni.pluginDirs, cni.runner, signal);
        if (directory === undefined && nodeConfDir !== undefined) findings.push(passedOver(nodeConfDir, confDir));
        process.stdout.write(`${formatListing(findings, columns, output)}\n`);
        process.exitCode = findings.some(({ verdict }) => verdict === 'failed') ? 1 : 0;
      });
    });
}
