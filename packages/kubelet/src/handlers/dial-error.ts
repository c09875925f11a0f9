const reasons: Record<string, string> = {
  ECONNREFUSED: 'connect: connection refused',
  EHOSTUNREACH: 'connect: no route to host',
  ENETUNREACH: 'connect: network is unreachable',
  ENOTFOUND: 'lookup: no such host',
  EAI_AGAIN: 'lookup: server misbehaving',
};

/** Why a connection wasn't made, in the words that users know from kubelet's events; undefined if it was made, and something else failed. */
export function dialError(thrown: unknown, address: string): string | undefined {
  const reason = reasons[(thrown as NodeJS.ErrnoException).code ?? ''];
  return reason && `dial tcp ${address}: ${reason}`;
}
