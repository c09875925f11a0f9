import { Command } from 'commander';
import { cniConform } from '../conform/cni.ts';
import { criConform } from '../conform/cri.ts';
import { deviceConform } from '../conform/device.ts';

/** `berth conform SUITE`: judges a plugin by its protocol, whoever wrote it and in whichever language. */
export function conformCommand(): Command {
  return new Command('conform')
    .description('judge a plugin by its protocol, whoever wrote it')
    .addCommand(cniConform())
    .addCommand(criConform())
    .addCommand(deviceConform());
}
