#!/usr/bin/env node
import 'reflect-metadata';
import { PluginError } from '@berth/sdk/errors';
import { program } from './program.ts';

try {
  await program().parseAsync();
} catch (error) {
  const failure = PluginError.from(error);
  process.stderr.write(`berth: ${failure.message}\n`);
  if (process.env.BERTH_DEBUG) process.stderr.write(`${(error as Error).stack}\n`);
  process.exitCode = 1;
}
