import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** Which request a figure is about; the names are kubelet's. */
interface RequestLabels extends Record<string, string> {
  method: string;
  path: string;
  server_type: string;
  long_running: string;
}

const labelNames = ['method', 'path', 'server_type', 'long_running'];

/** Paths whose first part alone says too little. */
const parents = new Set(['metrics', 'stats', 'healthz', 'debug']);
const longRunning = new Set(['exec', 'attach', 'portForward', 'debug']);
/** Paths of others would be as many series as clients can think of. */
const known =
  /^(attach|checkpoint|configz|containerLogs|debug|events|exec|flagz|healthz|logs|metrics|pods|portForward|run|runningpods|stats|statusz|trace)$/;

/** Requests to the kubelet's own server. */
export class HttpMetrics {
  readonly #total: Counter;
  readonly #duration: Histogram;
  readonly #inflight: Gauge;

  constructor(registry: Registry) {
    const registers = [registry];
    this.#total = new Counter({ name: 'kubelet_http_requests_total', help: 'Requests to the kubelet.', labelNames, registers });
    this.#duration = new Histogram({
      name: 'kubelet_http_requests_duration_seconds',
      help: 'How long requests to the kubelet took.',
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      labelNames,
      registers,
    });
    this.#inflight = new Gauge({
      name: 'kubelet_http_inflight_requests',
      help: 'Requests that are being answered.',
      labelNames,
      registers,
    });
  }

  /** Counts a request as it begins; the returned function, as it ends. */
  begin(method: string, url: string, serverType: string): () => void {
    const [, first = '', second] = (URL.parse(url, 'http://kubelet')?.pathname ?? '').split('/');
    const isKnown = known.test(first);
    const path = !isKnown ? 'other' : second && parents.has(first) && /^[a-z]{1,16}$/.test(second) ? `${first}/${second}` : first;
    const followed = first === 'containerLogs' && /[?&]follow(=true|=1|&|$)/.test(url);
    const labels: RequestLabels = { method, path, server_type: serverType, long_running: String(longRunning.has(first) || followed) };
    this.#total.inc(labels);
    this.#inflight.inc(labels);
    const ended = this.#duration.startTimer(labels);
    return () => {
      ended();
      this.#inflight.dec(labels);
    };
  }
}
