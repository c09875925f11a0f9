import type { Container, ContainerStatus, Probe } from '@berth/api/objects';
import { credentialRequest } from '../images/credential-plugins/credential-plugins.ts';
import { failureOf, restartDueAt } from '../plan/back-off.ts';
import { endOf, instancesOf, isDone } from '../plan/instances.ts';
import type { ContainerInstance, ObservedPod } from '../plan/observed-pod.ts';
import { restartsAfterStop } from '../plan/restart-policy.ts';
import { apiTime, findStatus, fullNameOf, isInitContainer, specOf } from '../pod.ts';
import type { ProbeAnswer } from '../probes/instance-probes.ts';
import { callOf, isOpen, lastCall, openSince, tookOf } from './calls.ts';
import { cureOf } from './cure.ts';
import { type Facts, isEnding } from './facts.ts';
import { failedStep } from './pod-steps.ts';
import type { Draft } from './step.ts';

/** The steps of every container, one list each. */
export function containerLanes(facts: Facts, now: Date): { init: Draft[][]; main: Draft[][] } {
  const { initContainers = [], containers } = specOf(facts.pod);
  const lane = (container: Container) => new Lane(facts, container, now).drafts();
  return { init: initContainers.map(lane), main: containers.map(lane) };
}

const imageReasons = new Set(['ErrImagePull', 'ErrImageNeverPull', 'InvalidImageName', 'ImageInspectError']);
const createReasons = new Set(['CreateContainerConfigError', 'CreateContainerError']);

class Lane {
  readonly #facts: Facts;
  readonly #observed: ObservedPod;
  readonly #container: Container;
  readonly #now: Date;
  readonly #newest: ContainerInstance | undefined;
  readonly #status: ContainerStatus | undefined;

  constructor(facts: Facts, container: Container, now: Date) {
    this.#facts = facts;
    this.#observed = facts.observed as ObservedPod;
    this.#container = container;
    this.#now = now;
    [this.#newest] = instancesOf(this.#observed, container.name);
    this.#status = findStatus(facts.pod.status, container.name);
  }

  drafts(): Draft[] {
    if (this.#newest?.state === 'unknown' && isEnding(this.#facts)) return [this.#unknown()];
    if (this.#isOver()) return [this.#over()];
    if (isEnding(this.#facts)) return [this.#stopping()];
    const steps = [this.#image(), this.#created(), this.#running()];
    if (this.#runsToItsEnd()) return [...steps, this.#ending()];
    if (this.#container.startupProbe) steps.push(this.#started(this.#container.startupProbe));
    return [...steps, this.#ready()];
  }

  #runsToItsEnd(): boolean {
    return isInitContainer(this.#facts.pod, this.#container) && this.#container.restartPolicy !== 'Always';
  }

  /** It has ended, and isn't started again. */
  #isOver(): boolean {
    if (this.#newest?.state === 'running') return false;
    return isEnding(this.#facts) || isDone(this.#facts.pod, this.#container, this.#observed);
  }

  #over(): Draft {
    const { terminated } = this.#status?.state ?? {};
    const at = terminated?.finishedAt;
    if (!terminated) return this.#neverStarted();
    const said = terminated.message ? `: ${terminated.message}` : '';
    const detail = `${this.#probeFailure(this.#newest)}ended with exit code ${terminated.exitCode} (${terminated.reason})${said}`;
    const ended = this.#draft('ended', terminated.exitCode === 0 ? 'done' : 'failed', detail);
    const cure = terminated.exitCode === 0 ? {} : { cure: `read why: ${this.#logs()}` };
    return { ...ended, ...(at && { since: at }), ...cure };
  }

  #neverStarted(): Draft {
    const failure = failureOf(this.#observed, this.#startAction());
    if (!failure) return this.#draft('ended', 'done', 'it was never started');
    const draft = this.#draft('ended', 'failed', `it was never started: ${failure.reason}: ${failure.message}`);
    return { ...draft, since: apiTime(failure.at), ...this.#cure(failure) };
  }

  #unknown(): Draft {
    return this.#draft('ended', 'open', 'the runtime does not know whether it runs; it is to be stopped, as the pod ends');
  }

  /** It runs, and its pod ends. */
  #stopping(): Draft {
    const running = this.#running();
    return { ...running, detail: `${running.detail}; it is to be stopped, as the pod ends` };
  }

  #image(): Draft {
    const image = this.#container.image ?? '';
    const call = lastCall(this.#facts.trace, 'PullImage', image);
    const waiting = this.#status?.state?.waiting;
    if (this.#present()) {
      const took = tookOf(call);
      const pulled = took.tookMs !== undefined;
      return { ...this.#draft('image', 'done', `${image} ${pulled ? 'was pulled' : 'was there'}`), ...took, ...(pulled && callOf(call)) };
    }
    const login = this.#loginWaitedFor(image);
    if (login) return login;
    if (isOpen(call)) return { ...this.#draft('image', 'open', `${image} is being pulled`), ...openSince(call), ...callOf(call) };
    const failed = this.#failed('image', imageReasons);
    if (failed) return { ...failed, ...callOf(call) };
    if (waiting?.reason === undefined || !imageReasons.has(waiting.reason)) return this.#draft('image', 'open', `looking for ${image}`);
    const trouble = { reason: waiting.reason, message: waiting.message ?? '' };
    return { ...this.#draft('image', 'failed', `${trouble.reason}: ${trouble.message}`), ...this.#cure(trouble) };
  }

  /** A pull begins when all credential providers have answered. */
  #loginWaitedFor(image: string): Draft | undefined {
    const request = lastCall(this.#facts.trace, credentialRequest, image);
    if (!request || !isOpen(request)) return undefined;
    const detail = `waiting for the credential provider ${request.plugin} since ${apiTime(new Date(request.startedAt))}`;
    const cure = `see what the program ${request.plugin} of imageCredentialProviderBinDir waits for; it is given up after 60 s, and ${image} pulled without its logins`;
    return { ...this.#draft('image', 'open', detail), ...openSince(request), ...callOf(request), cure };
  }

  /** There is an instance, or a try to make one got that far. */
  #present(): boolean {
    if (this.#newest && this.#newest.state !== 'exited') return true;
    const failure = failureOf(this.#observed, this.#startAction());
    if (failure) return !imageReasons.has(failure.reason);
    if (this.#newest !== undefined || lastCall(this.#facts.trace, 'CreateContainer', this.#container.name)) return true;
    const image = this.#container.image ?? '';
    return this.#observed.images[image]?.present === true || tookOf(lastCall(this.#facts.trace, 'PullImage', image)).tookMs !== undefined;
  }

  #created(): Draft {
    const call = lastCall(this.#facts.trace, 'CreateContainer', this.#container.name);
    if (this.#newest && this.#newest.state !== 'exited') {
      return { ...this.#draft('created', 'done', `instance ${this.#newest.attempt}`), ...tookOf(call), ...callOf(call) };
    }
    const failed = this.#failed('created', createReasons);
    if (failed) return { ...failed, ...callOf(call) };
    if (this.#justMade('CreateContainer')) return { ...this.#draft('created', 'done', 'just now'), ...tookOf(call), ...callOf(call) };
    if (this.#newest && !isOpen(call)) return this.#draft('created', 'done', `instance ${this.#newest.attempt}, which has ended`);
    return {
      ...this.#draft('created', 'open', 'its configuration is being made, and the container from it'),
      ...(isOpen(call) && callOf(call)),
    };
  }

  /** The call has succeeded for an instance that hasn't been seen yet: the worker looks again once the whole start is done. */
  #justMade(method: string): boolean {
    const call = lastCall(this.#facts.trace, method, this.#container.name);
    if (failureOf(this.#observed, this.#startAction()) || tookOf(call).tookMs === undefined) return false;
    return (call?.startedAt ?? 0) > (this.#newest?.finishedAt?.getTime() ?? 0) && this.#newest?.state !== 'running';
  }

  #running(): Draft {
    const call = lastCall(this.#facts.trace, 'StartContainer', this.#container.name);
    if (this.#newest?.state === 'running') {
      const since = apiTime(this.#newest.startedAt ?? this.#newest.createdAt);
      return { ...this.#draft('running', 'done', `runs${this.#lastEnd()}`), since, ...tookOf(call), ...callOf(call) };
    }
    if (this.#justMade('StartContainer') && this.#container.lifecycle?.postStart) {
      return { ...this.#draft('running', 'open', 'its postStart hook has not ended'), ...callOf(call) };
    }
    const failed = this.#failed('running', new Set(['RunContainerError', 'PostStartHookError']));
    if (this.#newest?.state === 'exited' && !isOpen(call)) return { ...this.#crashed(), ...callOf(call) };
    if (failed) return { ...failed, ...callOf(call) };
    return { ...this.#draft('running', 'open', 'it is being started'), ...(isOpen(call) && callOf(call)) };
  }

  /** Of a container that runs again. */
  #lastEnd(): string {
    const attempt = this.#newest?.attempt ?? 0;
    if (attempt === 0) return '';
    const { terminated } = this.#status?.lastState ?? {};
    const times = attempt === 1 ? 'one restart' : `${attempt} restarts`;
    if (!terminated) return `, after ${times}`;
    const cause = this.#probeFailure(instancesOf(this.#observed, this.#container.name)[1]);
    const end = `it ended with exit code ${terminated.exitCode} (${terminated.reason})`;
    return `, after ${times}: ${cause}${end}; read why: ${this.#logs().slice(0, -1)} --previous"`;
  }

  /** Of an instance that was stopped for a probe; empty for others. */
  #probeFailure(instance: ContainerInstance | undefined): string {
    const failed = instance && this.#observed.failedProbes?.[instance.id];
    return failed ? `its ${failed.probe} probe failed as often as it may: ${failed.message.trim()}; it was stopped; ` : '';
  }

  #crashed(): Draft {
    const end = endOf(this.#observed, this.#container.name);
    const due = end && restartDueAt(this.#observed.restartDelays[this.#container.name], end.finishedAt, this.#facts.backOff);
    const failure = failureOf(this.#observed, this.#startAction());
    const next = due && due > this.#now ? `the next start is due at ${apiTime(due)}` : 'it is started again now';
    const ended = `${this.#probeFailure(this.#newest)}it ended with exit code ${end?.exitCode}`;
    const why = failure ? `${failure.reason}: ${failure.message}` : ended;
    const draft = this.#draft('running', 'failed', `${why}; ${next}, the restart number ${(this.#newest?.attempt ?? 0) + 1}`);
    return { ...draft, ...(end && { since: apiTime(end.finishedAt) }), cure: `read why: ${this.#logs()}` };
  }

  #started(probe: Probe): Draft {
    const verdict = this.#verdict();
    if (verdict?.failed?.probe === 'startup') return this.#condemned('started', verdict.failed.message);
    if (this.#newest?.state === 'running' && (verdict?.started ?? true))
      return this.#draft('started', 'done', 'its startup probe has succeeded');
    return this.#probed('started', 'startup', probe);
  }

  #ready(): Draft {
    const verdict = this.#verdict();
    if (verdict?.failed?.probe === 'liveness') return this.#condemned('ready', verdict.failed.message);
    if (this.#status?.ready) {
      const reason = this.#container.readinessProbe ? 'its readiness probe succeeds' : 'as soon as it runs';
      return this.#draft('ready', 'done', `${reason}${this.#livenessInDanger()}`);
    }
    const probe = this.#container.readinessProbe;
    return probe ? this.#probed('ready', 'readiness', probe) : this.#draft('ready', 'open', 'waits until it is started');
  }

  /** Of a container that may yet be stopped. */
  #livenessInDanger(): string {
    const answer = this.#answerOf('liveness');
    if (answer?.result !== 'failure') return '';
    return `, but its liveness probe failed at ${apiTime(answer.at)}: ${answer.output.trim()}`;
  }

  #condemned(name: Draft['name'], answer: string): Draft {
    const kind = name === 'started' ? 'startup' : 'liveness';
    const detail = `its ${kind} probe failed as often as it may: ${answer.trim()}; it is being stopped, and ${this.#nextStart()}`;
    return { ...this.#draft(name, 'failed', detail), cure: `read why: ${this.#logs()}` };
  }

  /** Of a container that is to end now. */
  #nextStart(): string {
    if (!restartsAfterStop(this.#facts.pod, this.#container)) return 'not started again';
    const due = restartDueAt(this.#observed.restartDelays[this.#container.name], this.#now, this.#facts.backOff);
    const seconds = (due.getTime() - this.#now.getTime()) / 1000;
    return seconds > 0 ? `started again ${seconds} s after its end` : 'started again at once';
  }

  #probed(name: Draft['name'], kind: 'startup' | 'readiness', probe: Probe): Draft {
    const answer = this.#answerOf(kind);
    const every = `asked every ${probe.periodSeconds ?? 10} s`;
    if (!answer) {
      const delay = probe.initialDelaySeconds ? `, first ${probe.initialDelaySeconds} s after its start` : '';
      return this.#draft(name, 'open', `its ${kind} probe has not been run yet (${every}${delay})`);
    }
    const said = answer.output.trim() || 'nothing';
    const verb = answer.result === 'success' || answer.result === 'warning' ? 'succeeded' : 'failed';
    const draft = this.#draft(
      name,
      verb === 'failed' ? 'failed' : 'open',
      `its ${kind} probe ${verb} at ${apiTime(answer.at)}: ${said} (${every})`,
    );
    return { ...draft, ...(verb === 'failed' && { since: apiTime(answer.at), cure: `see what the container says: ${this.#logs()}` }) };
  }

  #answerOf(kind: ProbeAnswer['probe']): ProbeAnswer | undefined {
    return this.#facts.answers.find(({ container, probe }) => container === this.#container.name && probe === kind);
  }

  #ending(): Draft {
    return this.#draft('ended', 'open', 'the containers after it wait until it has succeeded');
  }

  #failed(name: Draft['name'], reasons: Set<string>): Draft | undefined {
    const failure = failureOf(this.#observed, this.#startAction());
    if (!failure || !reasons.has(failure.reason)) return undefined;
    const step = failedStep(name, this.#startAction(), this.#facts.pod, this.#observed, this.#now);
    return step && { ...step, container: this.#container.name, ...this.#cure(failure) };
  }

  #cure(trouble: { reason: string; message: string }): Pick<Draft, 'cure'> {
    return cureOf(trouble, { pod: this.#facts.pod, handler: this.#observed.handler, image: this.#container.image ?? '' });
  }

  #verdict() {
    return this.#newest && this.#observed.probes?.[this.#newest.id];
  }

  #startAction() {
    return { kind: 'start-container', container: this.#container.name } as const;
  }

  #logs(): string {
    return `"berth logs ${fullNameOf(this.#facts.pod)} -c ${this.#container.name}"`;
  }

  #draft(name: Draft['name'], state: Draft['state'], detail: string): Draft {
    return { name, container: this.#container.name, state, detail };
  }
}
