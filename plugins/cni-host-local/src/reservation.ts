import type { AttachmentName } from '@berth/sdk/cni/plugin';

/** What the file of an address says: `ifName` is missing in those of old versions of the reference plugin. */
export interface Reservation {
  containerId: string;
  ifName?: string;
}

/** Of an address file. A crash of the reference plugin leaves an empty one; what it never writes is left to whoever wrote it. */
export type AddressFile = Reservation | 'empty' | 'unknown';

/** Whose an address is, for messages. */
export function nameHolder({ containerId, ifName }: AttachmentName): string {
  return `container ${containerId}, interface ${ifName}`;
}

/** The file's content, as the reference plugin writes it. */
export function formatReservation({ containerId, ifName }: AttachmentName): string {
  return `${containerId}\r\n${ifName}`;
}

/** Reads the content of an address file. */
export function parseReservation(text: string): AddressFile {
  const trimmed = text.trim();
  if (trimmed === '') return 'empty';
  const [containerId = '', ifName, ...rest] = trimmed.split('\r\n');
  if (rest.length > 0 || /\s/.test(containerId) || /\s/.test(ifName ?? '')) return 'unknown';
  return ifName === undefined ? { containerId } : { containerId, ifName };
}
