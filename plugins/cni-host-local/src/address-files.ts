import { readdirSync } from 'node:fs';

/** The addresses that have a file in a store's directory, as text: its other files aren't named like one. */
export function readAddresses(directory: string): string[] {
  return readdirSync(directory).filter((name) => /^(\d+\.\d+\.\d+\.\d+|[\da-f]*:[\da-f:]+)$/i.test(name));
}
