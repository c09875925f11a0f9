import { networkInterfaces } from 'node:os';

/** The addresses of the host by which others may reach it: the first IPv4 one, then the first IPv6 one, as far as there are any. */
export function hostAddresses(): string[] {
  const addresses = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter(({ internal, scopeid }) => !internal && !scopeid);
  const first = (version: string) => addresses.find(({ family }) => family === version)?.address;
  return [first('IPv4'), first('IPv6')].filter((address) => address !== undefined);
}
