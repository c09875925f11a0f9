import { realpathSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import {
  describeCall,
  type ExecutePlugin,
  type Execution,
  type ExecutionInput,
  type ExecutionLimits,
  execute,
  notRun,
} from '@berth/sdk/cni/execution';
import { serveArgument, servesKey } from '@berth/sdk/cni/serve';
import { parseObject } from '@berth/sdk/cni/types';
import { PluginError } from '@berth/sdk/errors';
import { spawn } from '../process/spawn.ts';
import { PluginServer } from './plugin-server.ts';
import { UnfinishedCalls } from './unfinished-calls.ts';

/** A server that nobody has asked for so long ends: a node at rest has no process of its plugins. */
const defaultIdleLimitMs = 10_000;
/** Longest that an answer to VERSION may take. */
const versionLimitMs = 10_000;

interface Program {
  path: string;
  /** Device, inode and time of the file: another one in its place is another program. */
  identity: string;
  serves: Promise<boolean>;
  server?: PluginServer;
  idle?: NodeJS.Timeout;
}

/**
 * Runs CNI plugins. A program whose VERSION says that it serves is started once and asked over and over, which spares 8 ms a call; any other is
 * executed for each call.
 */
export class PluginServers {
  readonly #programs = new Map<string, Program>();
  readonly #unfinished = new UnfinishedCalls();
  readonly #idleLimitMs: number;

  constructor({ idleLimitMs = defaultIdleLimitMs }: { idleLimitMs?: number } = {}) {
    this.#idleLimitMs = idleLimitMs;
  }

  readonly execute: ExecutePlugin = async (input, limits) => {
    const startedAt = performance.now();
    if (!(await this.#unfinished.haveEnded(input, limits))) return notRun(input, performance.timeOrigin + startedAt, goesOnStill(input));
    const program = this.#programOf(input, limits);
    const serves = program !== undefined && (await this.#answerOf(program));
    const left = { ...limits, passedMs: performance.now() - startedAt };
    if (!serves) return executeOnce(input, left);
    clearTimeout(program.idle);
    if (!program.server?.accepts) program.server = new PluginServer(input.file);
    const { server } = program;
    try {
      const { execution, goesOn } = await server.execute(input, left);
      if (goesOn) this.#unfinished.add(input, goesOn);
      return execution;
    } finally {
      // One that was retired ends by itself, and leaves the time of the next one alone.
      if (program.server === server && server.idle) program.idle = setTimeout(() => endIdle(program, server), this.#idleLimitMs).unref();
    }
  };

  /** Lets the servers end. */
  close(): void {
    for (const { server, idle } of this.#programs.values()) {
      clearTimeout(idle);
      server?.close();
    }
    this.#programs.clear();
  }

  /** A program that couldn't be asked is asked again for the next call. */
  async #answerOf(program: Program): Promise<boolean> {
    try {
      return await program.serves;
    } catch {
      if (this.#programs.get(program.path) === program) this.#programs.delete(program.path);
      return false;
    }
  }

  #programOf(input: ExecutionInput, limits: ExecutionLimits): Program | undefined {
    const path = realpathSync(input.file);
    // A program of one plugin isn't asked: only those of several serve.
    if (basename(path) === input.plugin) return undefined;
    const { dev, ino, mtimeMs } = statSync(path);
    const identity = `${dev} ${ino} ${mtimeMs}`;
    const known = this.#programs.get(path);
    if (known?.identity === identity) return known;
    known?.server?.close();
    const program = { path, identity, serves: saysThatItServes(input, limits) };
    this.#programs.set(path, program);
    return program;
  }
}

function goesOnStill(input: ExecutionInput): PluginError {
  const what = 'was not begun, since an earlier call for the same interface goes on';
  return new PluginError('UNAVAILABLE', what, { object: describeCall(input), hint: 'try again' });
}

function endIdle(program: Program, server: PluginServer): void {
  if (!server.idle) return;
  server.close();
  if (program.server === server) delete program.server;
}

/** Throws where it couldn't be asked. One that answers something else is executed as any other: its calls tell what is wrong with it. */
async function saysThatItServes(input: ExecutionInput, { timeLimitMs, signal }: ExecutionLimits): Promise<boolean> {
  const asked: ExecutionInput = { ...input, verb: 'VERSION', env: { CNI_COMMAND: 'VERSION' }, stdin: '{"cniVersion":"1.0.0"}' };
  const { stdout, error } = await executeOnce(asked, { timeLimitMs: Math.min(timeLimitMs, versionLimitMs), signal });
  if (error) throw error;
  return parseObject(stdout)?.[servesKey] === serveArgument;
}

/** Runs a plugin by executing it, started as this process starts all others. */
export function executeOnce(input: ExecutionInput, limits: ExecutionLimits): Promise<Execution> {
  return execute(input, { ...limits, start: (file, env) => spawn(file, [], { env, detached: true }) });
}
