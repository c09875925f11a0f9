import { closeSync, constants, openSync } from 'node:fs';
import type { Socket } from 'node:net';
import { ReadStream } from 'node:tty';
import { atFirstUse, libc } from '@berth/sdk/libc';
import type { TerminalSize } from '../runtime.ts';

const TIOCSPTLCK = 0x40045431;
const TIOCGPTPEER = 0x5441;
const TIOCSWINSZ = 0x5414;
const O_CLOEXEC = 0o2000000;
/** Larger than glibc's and musl's `struct termios`. */
const termiosBytes = 128;

const calls = atFirstUse(() => {
  const { library, failed } = libc();
  const [pointer, value] = [
    'int ioctl(int fd, unsigned long request, uint8_t *argument)',
    'int ioctl(int fd, unsigned long request, long argument)',
  ];
  return {
    ioctl: library.func(pointer) as (descriptor: number, request: number, argument: Uint8Array) => number,
    ioctlValue: library.func(value) as (descriptor: number, request: number, argument: number) => number,
    tcgetattr: library.func('int tcgetattr(int fd, _Out_ uint8_t *settings)') as (descriptor: number, settings: Uint8Array) => number,
    tcsetattr: library.func('int tcsetattr(int fd, int when, uint8_t *settings)') as (
      descriptor: number,
      when: number,
      settings: Uint8Array,
    ) => number,
    cfmakeraw: library.func('void cfmakeraw(_Inout_ uint8_t *settings)') as (settings: Uint8Array) => void,
    failed,
  };
});

/** A pair of ends, pty(7): what a program takes for its terminal, and this process's end of it. */
export class PseudoTerminal {
  /** For a child's stdio; `closeTerminal` once it has it. */
  readonly terminal: number;
  /** What the program prints is read here, what it reads is written. It fails with EIO when no program has the terminal any more. */
  readonly stream: Socket;
  readonly #descriptor: number;

  /** It is raw: whoever has the terminal next passes on to one of its own, which echoes and edits. */
  constructor() {
    const { ioctl, ioctlValue, failed } = calls();
    this.#descriptor = openSync('/dev/ptmx', constants.O_RDWR | constants.O_NOCTTY);
    try {
      if (ioctl(this.#descriptor, TIOCSPTLCK, new Uint8Array(4)) !== 0) throw failed('unlocking it', '/dev/ptmx');
      this.terminal = ioctlValue(this.#descriptor, TIOCGPTPEER, constants.O_RDWR | constants.O_NOCTTY | O_CLOEXEC);
      if (this.terminal < 0) throw failed('opening its other end', '/dev/ptmx');
      makeRaw(this.terminal);
    } catch (error) {
      closeSync(this.#descriptor);
      throw error;
    }
    this.stream = new ReadStream(this.#descriptor);
  }

  closeTerminal(): void {
    closeSync(this.terminal);
  }

  /** Programs are not told by this: who holds the terminal without being its session's leader has to be sent SIGWINCH. */
  resize({ width, height }: TerminalSize): void {
    if (this.stream.destroyed) return;
    const { ioctl, failed } = calls();
    const size = new Uint8Array(new Uint16Array([height, width, 0, 0]).buffer);
    if (ioctl(this.#descriptor, TIOCSWINSZ, size) !== 0) throw failed('TIOCSWINSZ', 'pseudo-terminal');
  }
}

function makeRaw(terminal: number): void {
  const { tcgetattr, cfmakeraw, tcsetattr, failed } = calls();
  const settings = new Uint8Array(termiosBytes);
  if (tcgetattr(terminal, settings) !== 0) throw failed('tcgetattr', 'pseudo-terminal');
  cfmakeraw(settings);
  if (tcsetattr(terminal, 0, settings) !== 0) throw failed('tcsetattr', 'pseudo-terminal');
}
