/** One attribute of a message (rtnetlink(7), struct rtattr): bytes, or attributes within it. */
export interface Attribute {
  type: number;
  value: Uint8Array | Attribute[];
}

/** A message (netlink(7), struct nlmsghdr). `body` is what comes before the attributes: struct ifinfomsg and its like. */
export interface Message {
  type: number;
  flags: number;
  sequence: number;
  body: Uint8Array;
  attributes: Attribute[];
}

const headerLength = 16;
const attributeHeaderLength = 4;
/** What kernels send in the type of an attribute besides: that it holds attributes, or numbers in network order. */
const attributeTypeMask = 0x3fff;

// Netlink is in the order of the processor's bytes: little-endian on all that there are executables for.
const littleEndian = true;

export function u8(type: number, value: number): Attribute {
  return { type, value: Uint8Array.of(value) };
}

export function u16(type: number, value: number): Attribute {
  return { type, value: Uint8Array.of(value & 255, value >> 8) };
}

export function u32(type: number, value: number): Attribute {
  return { type, value: Uint8Array.from(bytesOf32(value)) };
}

/** A number of 32 bits as netlink has it. */
export function bytesOf32(value: number): number[] {
  return [value & 255, (value >> 8) & 255, (value >> 16) & 255, value >>> 24];
}

/** A text with the NUL that ends it. */
export function text(type: number, value: string): Attribute {
  return { type, value: new TextEncoder().encode(`${value}\0`) };
}

/** The bytes of attributes one after another, behind `body`. */
export function encodeAttributes(body: Uint8Array, attributes: Attribute[]): Uint8Array {
  const bytes = new Uint8Array(aligned(body.length) + lengthOf(attributes));
  bytes.set(body);
  writeAttributes(new DataView(bytes.buffer), aligned(body.length), attributes);
  return bytes;
}

/** The bytes of a message. */
export function encodeMessage({ type, flags, sequence, body, attributes }: Message): Uint8Array {
  const payload = encodeAttributes(body, attributes);
  const bytes = new Uint8Array(headerLength + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length, littleEndian);
  view.setUint16(4, type, littleEndian);
  view.setUint16(6, flags, littleEndian);
  view.setUint32(8, sequence, littleEndian);
  bytes.set(payload, headerLength);
  return bytes;
}

function lengthOf(attributes: Attribute[]): number {
  return attributes.reduce((sum, { value }) => sum + aligned(attributeHeaderLength + payloadLength(value)), 0);
}

function payloadLength(value: Attribute['value']): number {
  return Array.isArray(value) ? lengthOf(value) : value.length;
}

function writeAttributes(view: DataView, start: number, attributes: Attribute[]): void {
  let offset = start;
  for (const { type, value } of attributes) {
    const length = attributeHeaderLength + payloadLength(value);
    view.setUint16(offset, length, littleEndian);
    view.setUint16(offset + 2, type, littleEndian);
    if (Array.isArray(value)) writeAttributes(view, offset + attributeHeaderLength, value);
    else new Uint8Array(view.buffer).set(value, offset + attributeHeaderLength);
    offset += aligned(length);
  }
}

/** A message as it comes from the kernel: `payload` is all after its header. */
export interface ReceivedMessage {
  type: number;
  sequence: number;
  payload: DataView;
}

/** The messages in a datagram. */
export function decodeMessages(datagram: Uint8Array): ReceivedMessage[] {
  const messages: ReceivedMessage[] = [];
  const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.byteLength);
  for (let offset = 0; offset + headerLength <= view.byteLength; ) {
    const length = view.getUint32(offset, littleEndian);
    if (length < headerLength || offset + length > view.byteLength) break;
    messages.push({
      type: view.getUint16(offset + 4, littleEndian),
      sequence: view.getUint32(offset + 8, littleEndian),
      payload: new DataView(view.buffer, view.byteOffset + offset + headerLength, length - headerLength),
    });
    offset += aligned(length);
  }
  return messages;
}

/** The attributes in a payload from `start` on. Each is looked for when it is asked for: of the dozens that an interface has few are wanted. */
export class Attributes {
  readonly #payload: DataView | undefined;
  readonly #start: number;

  constructor(payload: DataView | undefined, start = 0) {
    this.#payload = payload;
    this.#start = start;
  }

  /** The first of that type. */
  get(type: number): DataView | undefined {
    const payload = this.#payload;
    if (payload === undefined) return undefined;
    for (let offset = this.#start; offset + attributeHeaderLength <= payload.byteLength; ) {
      const length = payload.getUint16(offset, littleEndian);
      if (length < attributeHeaderLength || offset + length > payload.byteLength) return undefined;
      if ((payload.getUint16(offset + 2, littleEndian) & attributeTypeMask) === type) {
        return new DataView(payload.buffer, payload.byteOffset + offset + attributeHeaderLength, length - attributeHeaderLength);
      }
      offset += aligned(length);
    }
    return undefined;
  }
}

/** The attributes that a payload consists of, in order. */
export function listAttributes(payload: DataView): [type: number, value: DataView][] {
  const attributes: [number, DataView][] = [];
  for (let offset = 0; offset + attributeHeaderLength <= payload.byteLength; ) {
    const length = payload.getUint16(offset, littleEndian);
    if (length < attributeHeaderLength || offset + length > payload.byteLength) break;
    const type = payload.getUint16(offset + 2, littleEndian) & attributeTypeMask;
    const value = new DataView(payload.buffer, payload.byteOffset + offset + attributeHeaderLength, length - attributeHeaderLength);
    attributes.push([type, value]);
    offset += aligned(length);
  }
  return attributes;
}

export function readU8(value: DataView | undefined): number | undefined {
  return value && value.byteLength >= 1 ? value.getUint8(0) : undefined;
}

export function readU16(value: DataView | undefined, offset = 0): number | undefined {
  return value && value.byteLength >= offset + 2 ? value.getUint16(offset, littleEndian) : undefined;
}

export function readU32(value: DataView | undefined, offset = 0): number | undefined {
  return value && value.byteLength >= offset + 4 ? value.getUint32(offset, littleEndian) : undefined;
}

/** A text up to the NUL that ends it. */
export function readText(value: DataView | undefined): string | undefined {
  return value && new TextDecoder().decode(value).split('\0')[0];
}

export function bytesOf(value: DataView): Uint8Array {
  return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
}

function aligned(length: number): number {
  return (length + 3) & ~3;
}
