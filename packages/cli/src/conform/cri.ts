import { readFileSync } from 'node:fs';
import { type CriTargetOptions, criSuite, type ImageReferences, imageNames, needNames, runCriSuite } from '@berth/conformance/cri';
import { PluginError } from '@berth/sdk/errors';
import { Command, InvalidArgumentError } from 'commander';
import { parse } from 'yaml';
import { z } from 'zod';
import { compose } from '../compose.ts';
import type { GlobalOptions } from '../configuration/global-options.ts';
import { type FrameOptions, type FrameRun, frameOptions, judge } from './frame.ts';
import { restartCommand } from './restart-command.ts';
import { StartedRuntime } from './started-runtime.ts';

interface CriOptions extends GlobalOptions, FrameOptions {
  runtimeEndpoint?: string;
  start?: string;
  imageEndpoint?: string;
  handler?: string;
  images?: string;
  busybox?: string;
  without: string[];
  targetRestart?: string[];
  apiRelease?: string;
  cgroupParent?: string;
}

/** `berth conform cri`: the CRI suite on any endpoint, or on a runtime that it starts. */
export function criConform(): Command {
  const needs = Object.entries(needNames).map(([name, meaning]) => `  ${name.padEnd(12)}${meaning}`);
  const command = new Command('cri')
    .description('judge a CRI server; exit status 0 only with 0 failed and nothing left behind')
    .option('--runtime-endpoint <endpoint>', 'the CRI server: unix:///PATH or HOST:PORT (env CONTAINER_RUNTIME_ENDPOINT)')
    .option('--start <handler>', 'start this runtime of berth.yaml for the run, on temporary directories')
    .option('--image-endpoint <endpoint>', 'its image service, if that is elsewhere (env IMAGE_SERVICE_ENDPOINT)')
    .option('--handler <name>', 'runtime handler that the sandboxes ask for (default: the server’s default)')
    .option('--images <file>', 'YAML or JSON file that maps the names of the test images to images of yours')
    .option('--busybox <file>', "static busybox that the suite's own images are made of (default: the one on PATH)")
    .option('--without <needs>', 'what the server can’t do, separated by commas; see below', needList, [])
    .option('--target-restart <command...>', 'program and arguments that kill the server and start it again, for the cases about restarts')
    .option('--api-release <version>', 'release of k8s.io/cri-api that the server has, such as 0.26 (default: found out)', release)
    .option('--cgroup-parent <path>', 'cgroup below which the sandboxes get theirs, in the form of the server’s cgroup driver');
  return frameOptions(command)
    .addHelpText('after', `\nWhat --without can name; its cases are skipped, never counted as passed:\n${needs.join('\n')}`)
    .action(async (_options: unknown, called: Command) => {
      const options = called.optsWithGlobals<CriOptions>();
      process.exitCode = await judge(criSuite, options, (run) => judgeTarget(options, run));
    });
}

async function judgeTarget(options: CriOptions, run: FrameRun) {
  const endpoint = options.runtimeEndpoint ?? (options.start === undefined ? process.env.CONTAINER_RUNTIME_ENDPOINT : undefined);
  if ((endpoint === undefined) === (options.start === undefined)) {
    throw new PluginError('INVALID_ARGUMENT', 'either --runtime-endpoint or --start is needed, and not both', {
      hint: 'name a CRI server by its endpoint, or a runtime of berth.yaml by its handler',
    });
  }
  const target = targetOptions(options);
  if (endpoint !== undefined) return runCriSuite({ ...target, runtimeEndpoint: endpoint }, run);
  const started = await StartedRuntime.start(compose(options), options.start ?? '', run.signal);
  try {
    const cgroupParent = options.cgroupParent ?? (await started.cgroupParent(run.signal));
    const own = { runtimeEndpoint: started.endpoint, ...(cgroupParent !== undefined && { cgroupParent }) };
    return await runCriSuite({ ...target, ...own, restart: () => started.crash() }, run);
  } finally {
    await started.stop();
  }
}

function targetOptions(options: CriOptions): Omit<CriTargetOptions, 'runtimeEndpoint'> {
  const { handler, busybox, apiRelease, cgroupParent, targetRestart, without } = options;
  const imageEndpoint = options.imageEndpoint ?? (options.start === undefined ? process.env.IMAGE_SERVICE_ENDPOINT : undefined);
  return {
    ...(imageEndpoint && { imageEndpoint }),
    ...(handler !== undefined && { handler }),
    ...(busybox !== undefined && { busybox }),
    ...(apiRelease !== undefined && { apiRelease }),
    ...(cgroupParent !== undefined && { cgroupParent }),
    ...(options.images !== undefined && { images: readImages(options.images) }),
    ...(targetRestart && { restart: (signal: AbortSignal) => restartCommand(targetRestart, signal) }),
    lacks: Object.fromEntries(without.map((name) => [name, `left out by --without ${name}`])),
  };
}

const imageFile = z.partialRecord(z.enum(imageNames), z.string().min(1));

function readImages(file: string): ImageReferences {
  const refuse = (cause: string): PluginError =>
    new PluginError('INVALID_ARGUMENT', cause, { object: file, hint: `map some of ${imageNames.join(', ')} to image names` });
  let document: unknown;
  try {
    document = parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw refuse((error as Error).message);
  }
  const read = imageFile.safeParse(document);
  if (!read.success) throw refuse(read.error.issues.map(({ path, message }) => `${path.join('.') || 'document'}: ${message}`).join('; '));
  return Object.fromEntries(Object.entries(read.data).filter(([, reference]) => reference !== undefined));
}

function needList(text: string): string[] {
  const names = text.split(',').map((name) => name.trim());
  const unknown = names.find((name) => !(name in needNames));
  if (unknown === undefined) return names;
  throw new InvalidArgumentError(`${unknown} is none of ${Object.keys(needNames).join(', ')}.`);
}

function release(text: string): string {
  if (/^0\.\d+$/.test(text)) return text;
  throw new InvalidArgumentError('It has to be a release of k8s.io/cri-api, such as 0.26.');
}
