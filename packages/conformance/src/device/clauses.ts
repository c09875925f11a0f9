import type { Clause } from '../clause-table.ts';
import { deviceProtocol } from './protocol.ts';

/** Rules that belong to no single call or field. */
const rules: Record<string, string[]> = {
  Registration: ['serves'],
  Start: ['registers', 'kubelet', 'own-socket', 'ids'],
  Restart: ['registers', 'itself', 'ids', 'allocate', 'gone', 'sockets', 'crashed', 'repeated', 'register', 'refused'],
  Watch: ['open', 'quiet', 'several', 'again', 'ended'],
  Allocate: ['refusal', 'again', 'list'],
  Call: ['concurrent', 'cancelled', 'large', 'unknown', 'broken', 'authority'],
  Shutdown: ['ends', 'children', 'again', 'socket'],
};

/** What the device plugin API defines: its calls and the fields of its messages, and what is said of how a plugin lives. */
export function deviceClauses(): Clause[] {
  const { rpcs, messages } = deviceProtocol();
  const parts = (of: string, names: string[]): Clause[] => names.map((name) => ({ name: `${of}.${name}`, of }));
  return [
    ...rpcs.map(({ name, service }) => ({ name, of: service })),
    ...[...messages].flatMap(([of, fields]) =>
      parts(
        of,
        fields.map(({ name }) => name),
      ),
    ),
    ...Object.entries(rules).flatMap(([of, names]) => parts(of, names)),
  ];
}
