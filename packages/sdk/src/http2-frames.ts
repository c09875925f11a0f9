/** What a client's side of an HTTP/2 connection begins with (RFC 9113, 3.4). */
export const clientPreface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');

export const frameHeaderBytes = 9;

/** The largest payload that a server takes until it says otherwise (RFC 9113, 4.2), and Node's never does. */
export const maxFrameBytes = 16_384;

export const frameType = { headers: 1, continuation: 9 } as const;

export const frameFlag = { endStream: 0x1, endHeaders: 0x4, padded: 0x8, priority: 0x20 } as const;

export interface FrameHeader {
  length: number;
  type: number;
  flags: number;
  streamId: number;
}

export function readFrameHeader(bytes: Buffer): FrameHeader {
  return {
    length: bytes.readUIntBE(0, 3),
    type: bytes.readUInt8(3),
    flags: bytes.readUInt8(4),
    streamId: bytes.readUInt32BE(5) & 0x7fffffff,
  };
}

function writeFrame(type: number, flags: number, streamId: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(frameHeaderBytes);
  header.writeUIntBE(payload.length, 0, 3);
  header.writeUInt8(type, 3);
  header.writeUInt8(flags, 4);
  header.writeUInt32BE(streamId, 5);
  return Buffer.concat([header, payload]);
}

/** What a HEADERS frame carries besides its part of the block: the five bytes of priority, if it has them. */
export function readHeadersPayload(flags: number, payload: Buffer): { priority: Buffer; fragment: Buffer } {
  const padding = flags & frameFlag.padded ? payload.readUInt8(0) : 0;
  const start = flags & frameFlag.padded ? 1 : 0;
  const priorityBytes = flags & frameFlag.priority ? 5 : 0;
  const end = payload.length - padding;
  if (end < start + priorityBytes) throw new Error('HEADERS frame shorter than its padding');
  return { priority: payload.subarray(start, start + priorityBytes), fragment: payload.subarray(start + priorityBytes, end) };
}

/** A header block as HEADERS and as many CONTINUATION frames as it needs. `flags` may hold endStream and priority. */
export function writeHeaders(flags: number, streamId: number, priority: Buffer, block: Buffer): Buffer[] {
  const first = block.subarray(0, maxFrameBytes - priority.length);
  const frames: Buffer[] = [];
  let rest = block.subarray(first.length);
  const kept = flags & (frameFlag.endStream | frameFlag.priority);
  frames.push(
    writeFrame(frameType.headers, kept | (rest.length === 0 ? frameFlag.endHeaders : 0), streamId, Buffer.concat([priority, first])),
  );
  while (rest.length > 0) {
    const fragment = rest.subarray(0, maxFrameBytes);
    rest = rest.subarray(fragment.length);
    frames.push(writeFrame(frameType.continuation, rest.length === 0 ? frameFlag.endHeaders : 0, streamId, fragment));
  }
  return frames;
}
