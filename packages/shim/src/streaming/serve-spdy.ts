import { portForwardOverSpdy, portForwardVersion } from './port-forward-spdy.ts';
import { serveRemoteCommand } from './remote-command.ts';
import { type RemoteCommandVersion, remoteCommandOverSpdy, remoteCommandVersions } from './remote-command-spdy.ts';
import type { Session } from './session.ts';
import { accept, refuse, type Upgrade } from './upgrade.ts';

const versionHeader = 'x-stream-protocol-version';

/** Serves a session to a client that asks for an upgrade to SPDY/3.1. */
export async function serveSpdy(
  session: Session,
  { request, socket, head }: Upgrade,
  onActivity: () => void,
  signal: AbortSignal,
): Promise<void> {
  if (request.headers.upgrade?.toLowerCase() !== 'spdy/3.1')
    return refuse(socket, 400, 'unable to upgrade: only SPDY/3.1 and websocket are spoken here');
  const known: readonly string[] = session.kind === 'portforward' ? [portForwardVersion] : remoteCommandVersions;
  const version = chooseVersion(request.headers[versionHeader], known);
  if (version === undefined) return refuse(socket, 403, `unable to upgrade: ${versionHeader} must be one of ${known.join(', ')}`);
  accept(socket, { Upgrade: 'SPDY/3.1', 'X-Stream-Protocol-Version': version });
  if (head.length > 0) socket.unshift(head);
  if (session.kind === 'portforward') return portForwardOverSpdy(socket, session, onActivity, signal);
  const client = await remoteCommandOverSpdy(socket, version as RemoteCommandVersion, session.streams, onActivity);
  await serveRemoteCommand(session, client, signal);
}

/** The first of the client's that is known; a client that names none speaks the oldest. */
function chooseVersion(header: string | string[] | undefined, known: readonly string[]): string | undefined {
  if (header === undefined) return known.at(-1);
  const offered = [header].flat().flatMap((value) => value.split(',').map((name) => name.trim()));
  return offered.find((name) => known.includes(name));
}
