import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { AuthorityRewriter } from './authority-rewriter.ts';

/**
 * The connection as an HTTP/2 server is to see it, whatever `:authority` its client sends. grpc-go sent the path of a
 * unix socket before 1.56, and kubelets and crictl of that time still do; Node takes that for a malformed request.
 */
export function acceptAnyAuthority(socket: Socket): Duplex {
  return new AcceptingConnection(socket);
}

class AcceptingConnection extends Duplex {
  readonly #socket: Socket;
  readonly #rewriter = new AuthorityRewriter();

  constructor(socket: Socket) {
    super();
    this.#socket = socket;
    socket.on('data', (chunk) => this.#receive(chunk));
    socket.once('end', () => this.push(null));
    socket.once('error', (error) => this.destroy(error));
    socket.once('close', () => this.destroy());
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#flushed(this.#socket.write(chunk), done);
  }

  override _writev(chunks: { chunk: Buffer }[], done: () => void): void {
    this.#socket.cork();
    let room = true;
    for (const { chunk } of chunks) room = this.#socket.write(chunk);
    this.#socket.uncork();
    this.#flushed(room, done);
  }

  override _final(done: () => void): void {
    this.#socket.end(done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#socket.destroy();
    done(error);
  }

  #receive(chunk: Buffer): void {
    try {
      let room = true;
      for (const bytes of this.#rewriter.push(chunk)) room = this.push(bytes);
      if (!room) this.#socket.pause();
    } catch (error) {
      this.destroy(error as Error);
    }
  }

  #flushed(room: boolean, done: () => void): void {
    if (room) done();
    else this.#socket.once('drain', done);
  }
}
