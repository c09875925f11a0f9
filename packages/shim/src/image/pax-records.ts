import { damaged } from './tar-header.ts';

const newline = 0x0a;
const mostLengthDigits = 10;

/**
 * Reads `LENGTH KEY=VALUE` lines (pax, "pax Extended Header"). Values stay bytes: those of extended attributes may be anything. An empty
 * value takes the key away.
 */
export function readPaxRecords(bytes: Buffer): Map<string, Buffer> {
  const records = new Map<string, Buffer>();
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(' ', at);
    const digits = bytes.toString('latin1', at, Math.min(space, at + mostLengthDigits));
    const end = at + Number(digits);
    const equals = bytes.indexOf('=', space);
    const isRecord =
      space > at && /^\d+$/.test(digits) && equals > space && equals < end && end <= bytes.length && bytes[end - 1] === newline;
    if (!isRecord) throw damaged('a PAX header holds what is no record');
    const key = bytes.toString('utf8', space + 1, equals);
    if (equals + 1 === end - 1) records.delete(key);
    else records.set(key, bytes.subarray(equals + 1, end - 1));
    at = end;
  }
  return records;
}
