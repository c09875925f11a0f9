import { Command } from 'commander';
import { type CredentialOptions, registryCredentials } from '../../credentials/registry-credentials.ts';
import { interruptible } from '../interruptible.ts';
import { credentialOptions } from './credential-options.ts';
import { openedStore } from './opened-store.ts';

/** `berth image pull IMAGE`: prints the image's id. */
export function imagePullCommand(): Command {
  const pull = new Command('pull').description('pull an image from its registry').argument('<image>', 'name');
  for (const option of credentialOptions()) pull.addOption(option);
  return pull.action(async (reference: string, options: CredentialOptions, command: Command) => {
    const store = openedStore(command);
    const auth = await registryCredentials(reference, options);
    await interruptible(async (signal) => {
      process.stdout.write(`${await store.pull(reference, auth, signal)}\n`);
    });
  });
}
