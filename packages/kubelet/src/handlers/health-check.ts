import { connect } from '@berth/sdk/connect';
import { type Code, PluginError } from '@berth/sdk/errors';
import { HealthCheckRequest, HealthCheckResponse_ServingStatus, HealthService } from '@berth/sdk/health';
import { dialError } from './dial-error.ts';

/** What a server answered to gRPC's health check. */
export interface Health {
  serving: boolean;
  /** In kubelet's words. */
  message: string;
}

/** Asks a server by grpc.health.v1.Health/Check, without TLS. `service` is empty for the server as a whole. Throws only the reason of `signal`. */
export async function checkHealth(address: string, service: string, timeoutMs: number, signal: AbortSignal): Promise<Health> {
  const client = connect(HealthService, address, { deadlineMs: timeoutMs, signal });
  try {
    const { status } = await client.check(HealthCheckRequest.create({ service }));
    if (status === HealthCheckResponse_ServingStatus.SERVING) return { serving: true, message: 'service healthy' };
    return { serving: false, message: `service unhealthy (responded with ${JSON.stringify(nameOf(status))})` };
  } catch (thrown) {
    signal.throwIfAborted();
    return { serving: false, message: failureMessage(PluginError.from(thrown), address, timeoutMs) };
  } finally {
    client.close();
  }
}

/** As kubelet has it (kubernetes:pkg/probe/grpc/grpc.go): a server is nobody's plugin, so what connect() advises is left out. */
function failureMessage({ code, what, cause }: PluginError, address: string, timeoutMs: number): string {
  switch (code) {
    case 'UNIMPLEMENTED':
      return `error: this server does not implement the grpc health protocol (grpc.health.v1.Health): ${what}`;
    case 'DEADLINE_EXCEEDED':
      return `timeout: health rpc did not complete within ${timeoutMs / 1000}s`;
    case 'UNAVAILABLE':
      return `error: failed to connect service at ${JSON.stringify(address)}: ${dialError({ code: errnoIn(cause) }, address) ?? what}`;
    default:
      return `error: health rpc probe failed: rpc error: code = ${goName(code)} desc = ${what}`;
  }
}

/** grpc-js says only in its text why there is no connection. */
function errnoIn(cause: unknown): string | undefined {
  const details = (cause as { details?: string } | undefined)?.details ?? '';
  return /\b(E[A-Z_]{4,})\b/.exec(details)?.[1];
}

/** `NOT_FOUND` -> `NotFound`, `CANCELLED` -> `Canceled`. */
function goName(code: Code): string {
  if (code === 'CANCELLED') return 'Canceled';
  return code.toLowerCase().replace(/(?:^|_)(.)/g, (_, letter: string) => letter.toUpperCase());
}

function nameOf(status: number): string {
  const entry = Object.entries(HealthCheckResponse_ServingStatus).find(([, value]) => value === status);
  return entry?.[0] ?? String(status);
}
