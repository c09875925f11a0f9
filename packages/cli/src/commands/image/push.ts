import { Command } from 'commander';
import { type CredentialOptions, registryCredentials } from '../../credentials/registry-credentials.ts';
import { interruptible } from '../interruptible.ts';
import { credentialOptions } from './credential-options.ts';
import { openedStore } from './opened-store.ts';

/** `berth image push IMAGE`: prints the manifest's digest. */
export function imagePushCommand(): Command {
  const push = new Command('push').description('push an image to the registry of its name').argument('<image>', 'name');
  for (const option of credentialOptions()) push.addOption(option);
  return push.action(async (reference: string, options: CredentialOptions, command: Command) => {
    const store = openedStore(command);
    const auth = await registryCredentials(reference, options);
    await interruptible(async (signal) => {
      process.stdout.write(`${await store.push(reference, auth, signal)}\n`);
    });
  });
}
