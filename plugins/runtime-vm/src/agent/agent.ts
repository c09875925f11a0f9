import { execFileSync } from 'node:child_process';
import { PluginError } from '@berth/sdk/errors';
import type { Dial, HostFrame, Request, StartExec, Usage } from '@berth/sdk/guest';
import { configure, keepClock } from './configure.ts';
import { Connection } from './connection.ts';
import { Container } from './container.ts';
import { Exec } from './exec.ts';
import { childrenOf, reap } from './libc.ts';
import { runningPrograms } from './oci.ts';
import type { Port } from './port.ts';

/** Most ends are seen earlier, by the outputs that end with a process. */
const reapIntervalMs = 250;

/** What the machine runs of its pod, as the monitor asks for it. */
export class Agent {
  readonly #port: Port;
  readonly #containers = new Map<string, Container>();
  readonly #execs = new Map<string, Exec>();
  readonly #connections = new Map<string, Connection>();
  #creating = 0;

  constructor(port: Port) {
    this.#port = port;
  }

  take({ body }: HostFrame): void {
    if (body?.$case === 'request') void this.#answer(body.value);
    if (body?.$case === 'credit') this.#process(body.value.process)?.grant(body.value.stream, body.value.bytes);
  }

  /**
   * Tells of containers whose first process has ended, from now on. By asking: whether SIGCHLD reaches a handler of ours is
   * up to how Bun waits for its own children.
   */
  reapContainers(): void {
    setInterval(() => {
      for (const container of this.#containers.values()) container.reap();
      this.#reapOrphans();
    }, reapIntervalMs);
  }

  /**
   * What a failed `crun exec` leaves: as long as its dead process is there, the PID namespace that it was to join doesn't end.
   * Not while a container is made, whose first process is nobody's for a moment.
   */
  #reapOrphans(): void {
    if (this.#creating > 0) return;
    const known = new Set([...runningPrograms, ...[...this.#containers.values()].map(({ pid }) => pid)]);
    for (const pid of childrenOf(process.pid)) if (!known.has(pid)) reap(pid);
  }

  async #answer({ id, call }: Request): Promise<void> {
    try {
      await this.#port.send({ $case: 'response', value: { id, usage: await this.#result(call) } });
    } catch (error) {
      const { code, message } = PluginError.from(error);
      await this.#port.send({ $case: 'response', value: { id, failure: { code, message } } });
    }
  }

  async #result(call: Request['call']): Promise<Usage | undefined> {
    if (call?.$case === 'readUsage') return this.#container(call.value.id).usage();
    await this.#carryOut(call);
    return undefined;
  }

  async #carryOut(call: Request['call']): Promise<void> {
    switch (call?.$case) {
      case 'configure':
        return configure(call.value);
      case 'createContainer': {
        const container = new Container(call.value.id, this.#port);
        this.#containers.set(container.id, container);
        this.#creating++;
        return container.create(call.value).finally(() => this.#creating--);
      }
      case 'startContainer':
        return this.#container(call.value.id).start();
      case 'signal':
        this.#process(call.value.process)?.signal(call.value.number);
        return;
      case 'removeContainer':
        await this.#containers.get(call.value.id)?.remove();
        this.#containers.delete(call.value.id);
        return;
      case 'startExec':
        return this.#startExec(call.value);
      case 'write':
        return this.#process(call.value.process)?.write(call.value.data, call.value.end);
      case 'dial':
        return this.#dial(call.value);
      case 'updateContainer':
        return this.#container(call.value.id).update(call.value.resources);
      case 'ping':
        return keepClock(call.value.now);
      case 'sync':
        execFileSync('sync');
        return;
      default:
        throw new PluginError('UNIMPLEMENTED', "it doesn't know what is asked of it", { object: 'agent of the guest' });
    }
  }

  async #startExec(request: StartExec): Promise<void> {
    const container = this.#container(request.container);
    const exec = new Exec(request, container, this.#port);
    this.#execs.set(request.id, exec);
    const forget = (): void => void this.#execs.delete(request.id);
    try {
      const { ended } = await exec.start(request.args);
      void ended.finally(forget);
    } catch (error) {
      forget();
      throw error;
    }
  }

  async #dial({ id, port }: Dial): Promise<void> {
    const connection = await Connection.open(id, port, this.#port);
    this.#connections.set(id, connection);
    void connection.copy().finally(() => this.#connections.delete(id));
  }

  #process(id: string): Container | Exec | Connection | undefined {
    return this.#containers.get(id) ?? this.#execs.get(id) ?? this.#connections.get(id);
  }

  #container(id: string): Container {
    const container = this.#containers.get(id);
    if (container) return container;
    throw new PluginError('NOT_FOUND', 'the machine has no such container', { object: `container ${id.slice(0, 12)}` });
  }
}
