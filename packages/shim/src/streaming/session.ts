import type { PortForward } from './port-forward.ts';
import type { RemoteCommand } from './remote-command.ts';

/** What a client has asked for by CRI, and fetches from the streaming server. */
export type Session = RemoteCommand | PortForward;
