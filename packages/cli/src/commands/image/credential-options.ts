import { Option } from 'commander';

/** `--creds` and `--authfile`, of commands that talk to registries. */
export function credentialOptions(): Option[] {
  return [
    new Option('--creds <user[:password]>', 'credentials of the registry; without a password it is read from standard input'),
    new Option('--authfile <file>', "credentials as Docker's config.json has them (default: that of this user, env REGISTRY_AUTH_FILE)"),
  ];
}
