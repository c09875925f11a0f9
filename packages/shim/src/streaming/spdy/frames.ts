import { PluginError } from '@berth/sdk/errors';

/** Frames of SPDY/3.1 (sections 2.2 and 2.6). A data frame is read in the pieces that it arrives in. */
export type Frame =
  | { type: 'data'; streamId: number; fin: boolean; data: Uint8Array }
  | { type: 'synStream'; streamId: number; fin: boolean; headers: Uint8Array }
  | { type: 'synReply'; streamId: number; fin: boolean; headers: Uint8Array }
  | { type: 'rstStream'; streamId: number; status: number }
  | { type: 'ping'; id: number }
  | { type: 'goAway'; lastStreamId: number; status: number }
  | { type: 'headers'; streamId: number; fin: boolean; headers: Uint8Array }
  /** SETTINGS, WINDOW_UPDATE and what is unknown: read over. */
  | { type: 'ignored'; kind: number };

/** `RST_STREAM` status codes (2.6.3). */
export const rstStatus = { protocolError: 1, invalidStream: 2, refusedStream: 3, cancel: 5 } as const;

const version = 3;
const headBytes = 8;
const finFlag = 1;

/** Header blocks of streaming are some hundred bytes. */
const longestControlFrame = 64 * 1024;
/** Longest data frame that is written; one is read at any length. */
const longestData = 0xffffff;

const kinds = { synStream: 1, synReply: 2, rstStream: 3, ping: 6, goAway: 7, headers: 8 } as const;

/** Shortest payload of a control frame, by its kind. */
const shortest: Record<number, number> = {
  [kinds.synStream]: 10,
  [kinds.synReply]: 4,
  [kinds.rstStream]: 8,
  [kinds.ping]: 4,
  [kinds.goAway]: 8,
  [kinds.headers]: 4,
};

/** Cuts a byte stream into frames, whatever pieces it comes in; it keeps no more than one control frame. */
export class FrameReader {
  #kept: Uint8Array = new Uint8Array();
  #data: { streamId: number; fin: boolean; left: number } | undefined;

  /** The frames that are complete with `bytes`, and the data so far of one that isn't. What is no SPDY/3.1 throws. */
  *read(bytes: Uint8Array): Iterable<Frame> {
    let rest = this.#kept.length === 0 ? bytes : Buffer.concat([this.#kept, bytes]);
    this.#kept = new Uint8Array();
    for (;;) {
      if (this.#data) {
        const { streamId, fin, left } = this.#data;
        const data = rest.subarray(0, left);
        if (data.length === 0 && left > 0) return;
        rest = rest.subarray(data.length);
        const whole = data.length === left;
        this.#data = whole ? undefined : { streamId, fin, left: left - data.length };
        yield { type: 'data', streamId, fin: fin && whole, data };
        continue;
      }
      const head = rest.length < headBytes ? undefined : readHead(rest);
      if (head && !head.control) {
        this.#data = { streamId: head.streamId, fin: (head.flags & finFlag) !== 0, left: head.length };
        rest = rest.subarray(headBytes);
        continue;
      }
      if (!head || rest.length < headBytes + head.length) break;
      yield controlFrame(head.kind, head.flags, asBuffer(rest.subarray(headBytes, headBytes + head.length)));
      rest = rest.subarray(headBytes + head.length);
    }
    // A copy: what was read may be part of a larger buffer.
    this.#kept = Uint8Array.from(rest);
  }
}

/** The bytes of a frame; data above 16 MiB and what is ignored can't be written. */
export function encodeFrame(frame: Exclude<Frame, { type: 'ignored' }>): Buffer {
  switch (frame.type) {
    case 'data': {
      if (frame.data.length > longestData) throw new RangeError(`a data frame of ${frame.data.length} bytes`);
      const head = Buffer.alloc(headBytes);
      head.writeUInt32BE(frame.streamId, 0);
      head.writeUInt32BE(((frame.fin ? finFlag : 0) << 24) | frame.data.length, 4);
      return Buffer.concat([head, frame.data]);
    }
    case 'synStream':
      // No associated stream, highest priority.
      return control(kinds.synStream, frame.fin, words(frame.streamId, 0), Buffer.alloc(2), frame.headers);
    case 'synReply':
    case 'headers':
      return control(kinds[frame.type], frame.fin, words(frame.streamId), frame.headers);
    case 'rstStream':
      return control(kinds.rstStream, false, words(frame.streamId, frame.status));
    case 'ping':
      return control(kinds.ping, false, words(frame.id));
    case 'goAway':
      return control(kinds.goAway, false, words(frame.lastStreamId, frame.status));
  }
}

type Head =
  | { control: true; kind: number; flags: number; length: number }
  | { control: false; streamId: number; flags: number; length: number };

function readHead(bytes: Uint8Array): Head {
  const head = asBuffer(bytes);
  const [flags, length] = [head.readUInt8(4), head.readUIntBE(5, 3)];
  if ((head.readUInt8(0) & 0x80) === 0) return { control: false, streamId: head.readUInt32BE(0), flags, length };
  const spoken = head.readUInt16BE(0) & 0x7fff;
  const kind = head.readUInt16BE(2);
  if (spoken !== version) throw malformed(`version ${spoken} of SPDY, and this speaks 3`);
  if (length > longestControlFrame) throw malformed(`a control frame of ${length} bytes, and ${longestControlFrame} is the most`);
  if (length < (shortest[kind] ?? 0)) throw malformed(`a control frame of kind ${kind} with ${length} bytes only`);
  return { control: true, kind, flags, length };
}

function controlFrame(kind: number, flags: number, payload: Buffer): Frame {
  const fin = (flags & finFlag) !== 0;
  const word = (index: number): number => payload.readUInt32BE(index * 4) & 0x7fffffff;
  switch (kind) {
    case kinds.synStream:
      return { type: 'synStream', streamId: word(0), fin, headers: payload.subarray(10) };
    case kinds.synReply:
      return { type: 'synReply', streamId: word(0), fin, headers: payload.subarray(4) };
    case kinds.headers:
      return { type: 'headers', streamId: word(0), fin, headers: payload.subarray(4) };
    case kinds.rstStream:
      return { type: 'rstStream', streamId: word(0), status: payload.readUInt32BE(4) };
    case kinds.ping:
      return { type: 'ping', id: payload.readUInt32BE(0) };
    case kinds.goAway:
      return { type: 'goAway', lastStreamId: word(0), status: payload.readUInt32BE(4) };
    default:
      return { type: 'ignored', kind };
  }
}

function control(kind: number, fin: boolean, ...payload: Uint8Array[]): Buffer {
  const head = Buffer.alloc(headBytes);
  head.writeUInt16BE(0x8000 | version, 0);
  head.writeUInt16BE(kind, 2);
  const length = payload.reduce((sum, part) => sum + part.length, 0);
  head.writeUInt32BE(((fin ? finFlag : 0) << 24) | length, 4);
  return Buffer.concat([head, ...payload]);
}

function words(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [index, value] of values.entries()) bytes.writeUInt32BE(value, index * 4);
  return bytes;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function malformed(what: string): PluginError {
  return new PluginError('INVALID_ARGUMENT', what, { object: 'SPDY connection' });
}
