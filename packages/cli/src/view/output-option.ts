import { Option } from 'commander';
import { outputFormats } from './listing.ts';

/** `-o`, the same for every listing. */
export function outputOption(): Option {
  return new Option('-o, --output <format>', 'how to print it').choices(outputFormats).default('table');
}
