import type { CallRecord } from '@berth/sdk/call-record';
import { PluginError } from '@berth/sdk/errors';
import type { CallEnd, CallStart, Tap } from '@berth/sdk/tap';
import { currentTrace, newSpan } from '@berth/sdk/trace-context';
import { describeRequest, idsInResponse } from './call-subject.ts';

/** A call that hasn't been answered yet. */
export type OpenCall = Pick<CallRecord, 'plugin' | 'method' | 'subject' | 'startedAt'>;

/** The plugin calls of one pod's life. */
export interface PodTrace {
  records: CallRecord[];
  open: OpenCall[];
  /** The sandboxes that the pod has had, for the records that shims keep of them. */
  sandboxIds: string[];
}

interface Kept extends Omit<PodTrace, 'open'> {
  /** By span id. */
  open: Map<string, OpenCall>;
  /** `namespace/name` */
  pod: string;
  /** Container names by container id, since calls name the id only. */
  containers: Map<string, string>;
}

/** Records of one pod; the oldest are dropped. */
const recordsPerPod = 500;
/** Pods that ended long ago are forgotten. */
const podsKept = 500;

const looks = /^(List.*|Version|Status|PodSandboxStatus|ContainerStatus|GetContainerEvents)$/;

/** Whether it is what the kubelet asks all the time, and which makes nothing: of no interest once it has been answered. */
export function isLook(method: string): boolean {
  return looks.test(method);
}

/** Every plugin call that made a pod. All calls of a pod's life have one trace id; the tap of each connection joins by it. */
export class PodTraces {
  readonly #byTrace = new Map<string, Kept>();

  /** Calls with this trace id belong to that pod (`namespace/name`). */
  register(traceId: string, pod: string): void {
    this.#byTrace.set(traceId, { pod, records: [], open: new Map(), sandboxIds: [], containers: new Map() });
    const [oldest] = this.#byTrace.keys();
    if (this.#byTrace.size > podsKept && oldest !== undefined) this.#byTrace.delete(oldest);
  }

  /** The newest pod of that name; undefined if there has been none. */
  of(pod: string): PodTrace | undefined {
    const kept = [...this.#byTrace.values()].findLast((candidate) => candidate.pod === pod);
    return kept && { records: [...kept.records], open: [...kept.open.values()], sandboxIds: [...kept.sandboxIds] };
  }

  /** Seconds that pulls of its images have taken. */
  pullSeconds(pod: string): number {
    const pulls = this.of(pod)?.records.filter(({ method }) => method === 'PullImage') ?? [];
    return pulls.reduce((sum, { durationMs }) => sum + durationMs / 1000, 0);
  }

  /** The tap for the connections to one plugin: a runtime by its handler, a device plugin by its resource. */
  tap(plugin: string, protocol: 'cri' | 'device' = 'cri'): Tap {
    return {
      call: (start) => {
        const startedAt = performance.timeOrigin + performance.now();
        const described = this.#describe(start);
        if (!described) return { end: () => undefined };
        const { open } = this.#byTrace.get(start.traceId) as Kept;
        open.set(start.spanId, {
          plugin,
          method: methodOf(start.path),
          ...(described.subject && { subject: described.subject }),
          startedAt,
        });
        return {
          end: (result) => {
            open.delete(start.spanId);
            this.#keep({ plugin, protocol }, start, startedAt, described, result);
          },
        };
      },
    };
  }

  /** Runs a program for the pod whose trace the running code is in: one that is run for no pod leaves no record. */
  async follow<T>(program: Pick<CallRecord, 'protocol' | 'plugin' | 'method' | 'subject'>, run: () => Promise<T>): Promise<T> {
    const parent = currentTrace();
    const kept = parent && this.#byTrace.get(parent.traceId);
    if (!kept) return run();
    const { traceId, spanId } = newSpan(parent);
    const { protocol, ...call } = program;
    const startedAt = performance.timeOrigin + performance.now();
    const end = (result: Pick<CallRecord, 'outcome' | 'message'>) => {
      kept.open.delete(spanId);
      const durationMs = performance.timeOrigin + performance.now() - startedAt;
      add(kept, { traceId, spanId, parentSpanId: parent.spanId, protocol, ...call, startedAt, durationMs, ...result });
    };
    kept.open.set(spanId, { ...call, startedAt });
    try {
      const answer = await run();
      end({ outcome: 'OK' });
      return answer;
    } catch (thrown) {
      const { code, message } = PluginError.from(thrown);
      end({ outcome: code, message });
      throw thrown;
    }
  }

  /** The request must not be kept past the call, so it is read as the call starts. */
  #describe({ traceId, request }: CallStart): Pick<CallRecord, 'subject' | 'sandboxId'> | undefined {
    const kept = this.#byTrace.get(traceId);
    if (!kept) return undefined;
    const { containerId, ...described } = describeRequest(request);
    return {
      subject: containerId === undefined ? described.subject : (kept.containers.get(containerId) ?? containerId),
      sandboxId: described.sandboxId,
    };
  }

  #keep(
    called: Pick<CallRecord, 'plugin' | 'protocol'>,
    start: CallStart,
    startedAt: number,
    described: Pick<CallRecord, 'subject' | 'sandboxId'>,
    result: CallEnd,
  ): void {
    const kept = this.#byTrace.get(start.traceId);
    if (!kept || isLook(methodOf(start.path))) return;
    const made = idsInResponse(result.response);
    if (made.sandboxId !== undefined) kept.sandboxIds.push(made.sandboxId);
    if (made.containerId !== undefined && described.subject !== undefined) kept.containers.set(made.containerId, described.subject);
    const sandboxId = made.sandboxId ?? described.sandboxId;
    const { traceId, spanId, parentSpanId } = start;
    const { durationMs, outcome, message } = result;
    add(kept, {
      traceId,
      spanId,
      ...(parentSpanId && { parentSpanId }),
      ...called,
      method: methodOf(start.path),
      ...(described.subject && { subject: described.subject }),
      ...(sandboxId && { sandboxId }),
      startedAt,
      durationMs,
      outcome,
      ...(message && { message }),
    });
  }
}

function add({ records }: Kept, record: CallRecord): void {
  records.push(record);
  records.splice(0, records.length - recordsPerPod);
}

/** `/runtime.v1.RuntimeService/RunPodSandbox` -> `RunPodSandbox` */
function methodOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
