import type { IncomingMessage, ServerResponse } from 'node:http';

/** How a registry's answers about one repository go wrong; what isn't named goes well. */
export interface Faults {
  /** Other bytes than the digest says, by digest, of manifests and of blobs. */
  lies?: Map<string, Buffer>;
  /** Manifests and blobs are answered with this status. */
  status?: number;
  /** Manifests and blobs are answered with 200 and a page for people, as by a proxy that wants a login. */
  page?: boolean;
  /** Blobs longer than this end with a cut connection after so many bytes, of each answer; `times` answers, then no more. */
  cut?: { afterBytes: number; times: number };
  /** Blobs longer than this stop after so many bytes, and the connection stays open; `reached` is called each time. */
  stall?: { afterBytes: number; reached?(): void };
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

/** Sends the beginning of a blob, and cuts the connection or leaves it open; false where all is to be sent. */
export function endedEarly(response: ServerResponse, blob: Buffer, { cut, stall }: Faults): boolean {
  if (cut && cut.times > 0 && blob.length > cut.afterBytes) {
    cut.times--;
    response.write(blob.subarray(0, cut.afterBytes), () => response.destroy());
    return true;
  }
  if (!stall || blob.length <= stall.afterBytes) return false;
  response.write(blob.subarray(0, stall.afterBytes), () => stall.reached?.());
  return true;
}
