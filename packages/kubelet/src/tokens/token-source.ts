import type { Pod, VolumeProjection } from '@berth/api/objects';
import { serviceAccountOf } from '../downward-api.ts';
import { nameOf, namespaceOf, specOf, uidOf } from '../pod.ts';

/** What a token is asked for, as a TokenRequest has it. */
export interface TokenRequest {
  namespace: string;
  serviceAccount: string;
  /** For whom the token is; empty: for the cluster's own API. */
  audiences: readonly string[];
  expirationSeconds: number;
  /** The token is good only as long as this pod is there. */
  pod: { name: string; uid: string };
  nodeName: string;
}

/** A token, and how long it is good. */
export interface IssuedToken {
  token: string;
  issuedAt: Date;
  expiresAt: Date;
}

/**
 * Where tokens of service accounts come from: an API server, or the node itself. It may give the same one as before while that is still
 * good for long enough. Throws NOT_FOUND for a service account that isn't there.
 */
export interface TokenSource {
  token(request: TokenRequest, signal: AbortSignal): Promise<IssuedToken>;
}

const defaultSeconds = 3600;

/** What the pod's volume asks for. */
export function tokenRequestFor(
  pod: Pod,
  { audience, expirationSeconds = defaultSeconds }: NonNullable<VolumeProjection['serviceAccountToken']>,
): TokenRequest {
  return {
    namespace: namespaceOf(pod),
    serviceAccount: serviceAccountOf(pod),
    audiences: audience ? [audience] : [],
    expirationSeconds,
    pod: { name: nameOf(pod), uid: uidOf(pod) },
    nodeName: specOf(pod).nodeName ?? '',
  };
}
