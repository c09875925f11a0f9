import { PluginError } from '@berth/sdk/errors';
import { Command } from 'commander';
import picocolors from 'picocolors';
import { compose, tokens } from '../compose.ts';
import { isSocket, kubeletSocket } from '../configuration/directories.ts';
import type { GlobalOptions } from '../configuration/global-options.ts';
import { type Finding, warning } from '../doctor/check.ts';
import { checkDevices } from '../doctor/devices.ts';
import {
  checkCgroups,
  checkDisk,
  checkInotify,
  checkNamespaces,
  checkOverlay,
  checkPlatform,
  checkRoot,
  checkSeccomp,
  hasHybridCgroups,
} from '../doctor/kernel.ts';
import { checkCniConfiguration, checkCniPlugins, checkForwarding, checkForwardPolicy } from '../doctor/network.ts';
import { checkNodeWarnings } from '../doctor/node-warnings.ts';
import { checkCrun, checkTools } from '../doctor/tools.ts';
import { KubeletClient } from '../node/kubelet-client.ts';
import { formatListing, type OutputFormat } from '../view/listing.ts';
import { nodeWarnings } from '../view/node-warnings.ts';
import { outputOption } from '../view/output-option.ts';

const marks = { ok: picocolors.green('ok'), warning: picocolors.yellow('warning'), failed: picocolors.red('failed') };

const columns = [
  { header: 'CHECK', value: (finding: Finding) => finding.name },
  { header: 'VERDICT', value: (finding: Finding) => marks[finding.verdict] },
  { header: 'FOUND', value: (finding: Finding) => (finding.advice ? `${finding.found}; ${finding.advice}` : finding.found) },
];

/** `berth doctor`: is this host able to be a node? Exit status 1 if something that a node needs is missing. */
export function doctorCommand(): Command {
  return new Command('doctor')
    .description('check whether this host can run a node; one line per check, with what to do')
    .addOption(outputOption())
    .action(async (options: { output: OutputFormat }, command: Command) => {
      const findings = await examine(command.optsWithGlobals<GlobalOptions>());
      process.stdout.write(`${formatListing(findings, columns, options.output)}\n`);
      process.exitCode = findings.some((finding) => finding.verdict === 'failed') ? 1 : 0;
    });
}

async function examine(options: GlobalOptions): Promise<Finding[]> {
  const platform = checkPlatform();
  if (platform.verdict === 'failed') return [platform];
  const parts = compose(options);
  const cni = parts.resolve(tokens.cni);
  return [
    platform,
    checkRoot(),
    checkOverlay(),
    checkNamespaces(),
    checkCgroups(),
    checkSeccomp(),
    checkInotify(),
    checkDisk(options.root),
    ...checkTools(),
    ...checkCrun(hasHybridCgroups()),
    checkCniPlugins(cni),
    await checkCniConfiguration(cni),
    checkForwarding(),
    checkForwardPolicy(),
    ...(isSocket(kubeletSocket(options)) ? await examineNode(options) : []),
  ];
}

/** What a running node tells. */
async function examineNode(options: GlobalOptions): Promise<Finding[]> {
  const client = new KubeletClient(options);
  try {
    const [node, devices, events] = await Promise.all([client.node(), client.devices(), client.events()]);
    return [...checkDevices(node, devices), ...checkNodeWarnings(nodeWarnings(events), new Date())];
  } catch (thrown) {
    return [warning('running node', PluginError.from(thrown).message, 'start the node again, or see its log in ROOT/logs')];
  } finally {
    await client.close();
  }
}
