import type { IncomingMessage, ServerResponse } from 'node:http';

/** How a registry's answers about one repository go wrong; what isn't named goes well. */
export interface Faults {
  /** Other bytes than the digest says, by digest, of manifests and of blobs. */
  lies?: Map<string, Buffer>;
  /** Manifests and blobs are answered with this status. */
  status?: number;
  /** Manifests and blobs are answered with 200 and a page for people, as by a proxy that wants a login. */
  page?: boolean;
  /** Answers about longer blobs are cut when they have come to this offset, `times` of them. */
  cut?: { offset: number; times: number };
  /** They stop there, and the connection stays open; `reached` is called each time. */
  stall?: { offset: number; reached?(): void };
  /** Blobs lie elsewhere: where, for the path that was asked for. */
  redirect?(path: string): string;
}

/** Answers with what is wrong before anything is sent of a manifest or a blob; false where nothing is. */
export function answeredWrongly(request: IncomingMessage, response: ServerResponse, { status, page }: Faults): boolean {
  if (status === undefined && !page) return false;
  const body = page ? '<!DOCTYPE html><title>Log in</title>' : JSON.stringify({ errors: [{ code: 'UNKNOWN', message: 'out of order' }] });
  response.writeHead(status ?? 200, { 'content-type': page ? 'text/html' : 'application/json', 'content-length': body.length });
  response.end(request.method === 'HEAD' ? undefined : body);
  return true;
}

interface SentBlob {
  bytes: Buffer;
  /** What of it was asked for; `end` is the first byte after that. */
  start: number;
  end: number;
}

/** Sends the beginning of a blob, and cuts the connection or leaves it open; false where all is to be sent. */
export function endedEarly(response: ServerResponse, { bytes, start, end }: SentBlob, { cut, stall }: Faults): boolean {
  const reaches = (offset: number): boolean => start <= offset && offset < end;
  response.flushHeaders();
  if (cut && cut.times > 0 && reaches(cut.offset)) {
    cut.times--;
    response.write(bytes.subarray(start, cut.offset), () => response.destroy());
    return true;
  }
  if (!stall || !reaches(stall.offset)) return false;
  response.write(bytes.subarray(start, stall.offset), () => stall.reached?.());
  return true;
}
