import { encodeHeaderBlock, HeaderBlockDecoder, type HeaderField } from './header-block.ts';
import {
  clientPreface,
  type FrameHeader,
  frameFlag,
  frameHeaderBytes,
  frameType,
  maxFrameBytes,
  readFrameHeader,
  readHeadersPayload,
  writeHeaders,
} from './http2-frames.ts';

/** The most that one header block may have, encoded or decoded; Node's own limit. */
const maxHeaderBlockBytes = 64 * 1024;

/** What Node's HTTP/2 takes for an authority (RFC 3986, 3.2); for anything else it resets the stream with PROTOCOL_ERROR. */
const acceptedAuthority = /^[\w.~!$&'()*+,;=:@[\]%-]+$/;

/** A header block that has begun: its frames as they came, and what they carry. */
interface OpenBlock {
  header: FrameHeader;
  priority: Buffer;
  frames: Buffer[];
  fragments: Buffer[];
  bytes: number;
}

/**
 * Gives every request on one client's connection an `:authority` that Node accepts. What the client sends goes through
 * as it is until the first authority that must be replaced. From there on all header blocks are written anew as
 * literals, since the receiver's table no longer follows the sender's.
 */
export class AuthorityRewriter {
  readonly #decoder = new HeaderBlockDecoder();
  #rewrites = false;
  #prefaceLeft = clientPreface.length;
  /** Bytes still to come of a frame that isn't looked into. */
  #passing = 0;
  /** The beginning of a frame that is looked into, or of a frame header. */
  #held: Buffer = Buffer.alloc(0);
  #block: OpenBlock | undefined;

  /** What the server is to get for the next bytes of the client. Throws when the client breaks HTTP/2's rules. */
  push(chunk: Buffer): Buffer[] {
    const out: Buffer[] = [];
    let rest = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    this.#held = Buffer.alloc(0);
    while (rest.length > 0) {
      const taken = this.#passThrough(rest, out) || this.#takeFrame(rest, out);
      if (taken === 0) {
        this.#held = rest;
        break;
      }
      rest = rest.subarray(taken);
    }
    return out;
  }

  #passThrough(bytes: Buffer, out: Buffer[]): number {
    const taken = Math.min(bytes.length, this.#prefaceLeft + this.#passing);
    if (taken === 0) return 0;
    if (this.#prefaceLeft > 0) this.#prefaceLeft -= taken;
    else this.#passing -= taken;
    out.push(bytes.subarray(0, taken));
    return taken;
  }

  /** Takes a frame header, with the payload if it belongs to a header block; 0 when more bytes are needed for that. */
  #takeFrame(bytes: Buffer, out: Buffer[]): number {
    if (bytes.length < frameHeaderBytes) return 0;
    const header = readFrameHeader(bytes);
    if (header.type !== frameType.headers && !this.#block) {
      out.push(bytes.subarray(0, frameHeaderBytes));
      this.#passing = header.length;
      return frameHeaderBytes;
    }
    this.#check(header);
    const end = frameHeaderBytes + header.length;
    if (bytes.length < end) return 0;
    this.#addToBlock(header, bytes.subarray(0, end));
    if (header.flags & frameFlag.endHeaders) this.#endBlock(out);
    return end;
  }

  #check({ type, length, streamId }: FrameHeader): void {
    if (length > maxFrameBytes) throw new Error(`frame of ${length} bytes in a header block`);
    const block = this.#block;
    if (!block) return;
    if (type !== frameType.continuation || streamId !== block.header.streamId) throw new Error('header block interrupted by another frame');
    if (block.bytes + length > maxHeaderBlockBytes) throw new Error('header block too large');
  }

  #addToBlock(header: FrameHeader, frame: Buffer): void {
    const payload = frame.subarray(frameHeaderBytes);
    if (!this.#block) {
      const { priority, fragment } = readHeadersPayload(header.flags, payload);
      this.#block = { header, priority, frames: [], fragments: [fragment], bytes: 0 };
    } else {
      this.#block.fragments.push(payload);
    }
    // The frame's own header counts, or empty CONTINUATION frames could go on for ever.
    this.#block.bytes += frame.length;
    this.#block.frames.push(frame);
  }

  #endBlock(out: Buffer[]): void {
    const block = this.#block as OpenBlock;
    this.#block = undefined;
    const fields = this.#decoder.decode(Buffer.concat(block.fragments));
    const accepted = withAcceptedAuthority(fields);
    if (accepted !== fields) this.#rewrites = true;
    if (!this.#rewrites) {
      out.push(...block.frames);
      return;
    }
    // Few bytes can stand for many: an indexed field is one byte, whatever it holds.
    if (decodedBytes(accepted) > maxHeaderBlockBytes) throw new Error('header list too large');
    out.push(...writeHeaders(block.header.flags, block.header.streamId, block.priority, encodeHeaderBlock(accepted)));
  }
}

/** The same array where nothing had to be replaced. Trailers have no authority and need none. */
function withAcceptedAuthority(fields: HeaderField[]): HeaderField[] {
  if (!fields.some(({ name }) => name === ':method')) return fields;
  const given = fields.filter(({ name }) => name === ':authority' || name === 'host');
  if (given.length > 0 && given.every(({ value }) => acceptedAuthority.test(value))) return fields;
  const authority = { name: ':authority', value: 'localhost', neverIndex: false };
  return [authority, ...fields.filter((field) => !given.includes(field))];
}

function decodedBytes(fields: HeaderField[]): number {
  return fields.reduce((sum, { name, value }) => sum + name.length + value.length, 0);
}
