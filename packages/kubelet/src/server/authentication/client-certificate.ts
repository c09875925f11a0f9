import type { IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';
import { PluginError } from '@berth/sdk/errors';
import { type Authenticator, authenticatedGroup, type User } from './authenticator.ts';

/** A certificate that the TLS layer has checked against the clients' authority: its CN is the user, each O a group. */
export class ClientCertificate implements Authenticator {
  async authenticate({ socket }: IncomingMessage): Promise<User | undefined> {
    if (!(socket instanceof TLSSocket)) return undefined;
    const { subject } = socket.getPeerCertificate();
    if (subject === undefined) return undefined;
    if (!socket.authorized) {
      throw new PluginError('UNAUTHENTICATED', `its certificate isn't good: ${String(socket.authorizationError)}`, { object: 'client' });
    }
    const name = [subject.CN].flat().at(-1);
    if (!name) return undefined;
    return { name, groups: [...[subject.O ?? []].flat(), authenticatedGroup] };
  }
}
