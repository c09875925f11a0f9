#!/usr/bin/env -S node --max-semi-space-size=4
import 'reflect-metadata';
import { PluginError } from '@berth/sdk/errors';
import { program } from './program.ts';

// Nobody reads on (`| head`), or its disk is full: the command ends as if it were told to, so that a node stops its pods.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') process.stderr.write(`berth: can't write to standard output: ${error.message}\n`);
  process.kill(process.pid, 'SIGTERM');
});
process.stderr.on('error', () => undefined);

try {
  const berth = await program(process.argv.slice(2));
  await berth.parseAsync();
} catch (error) {
  const failure = PluginError.from(error);
  process.stderr.write(`berth: ${failure.message}\n`);
  if (process.env.BERTH_DEBUG) process.stderr.write(`${(error as Error).stack}\n`);
  process.exitCode = 1;
}
