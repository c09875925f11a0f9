import { Signal } from '@berth/sdk/cri';
import { describe, expect, it } from 'vitest';
import { criSignal, stopSignal } from './stop-signal.ts';

describe('stopSignal', () => {
  it.each([
    ['SIGTERM where nobody says anything', Signal.RUNTIME_DEFAULT, '', 'SIGTERM'],
    ["the image's", Signal.RUNTIME_DEFAULT, 'SIGQUIT', 'SIGQUIT'],
    ["the image's without its prefix", Signal.RUNTIME_DEFAULT, 'QUIT', 'SIGQUIT'],
    ["the image's as a number", Signal.RUNTIME_DEFAULT, '3', 'SIGQUIT'],
    ["systemd's, by number", Signal.RUNTIME_DEFAULT, 'SIGRTMIN+3', '37'],
    ['the last one', Signal.RUNTIME_DEFAULT, 'SIGRTMAX', '64'],
    ['a real-time one by its number', Signal.RUNTIME_DEFAULT, '37', '37'],
    ["the request's before the image's", Signal.SIGINT, 'SIGQUIT', 'SIGINT'],
    ['a real-time one of the request', Signal.SIGRTMINPLUS3, '', '37'],
    ['one of two names, as OCI runtimes know it', Signal.SIGPOLL, '', 'SIGIO'],
    ["System V's name", Signal.SIGCLD, '', 'SIGCHLD'],
    ["an older name of the image's", Signal.RUNTIME_DEFAULT, 'SIGIOT', 'SIGABRT'],
  ])('%s', (_what, asked, imageSignal, expected) => {
    expect(stopSignal(asked, imageSignal, 'container c')).toBe(expected);
  });

  it.each(['SIGNOTHING', '999', '0', '33', 'SIGRTMIN+31', 'constructor', '$(reboot)'])('refuses %s of an image', (imageSignal) => {
    expect(() => stopSignal(Signal.RUNTIME_DEFAULT, imageSignal, 'container c')).toThrow(/container c: the image's stop signal/);
  });
});

describe('criSignal', () => {
  it.each(Object.entries(Signal).filter(([, number]) => number > 0))('of %s is that signal, by one of its names', (name, number) => {
    const aliases: Record<string, Signal> = { SIGCLD: Signal.SIGCHLD, SIGIOT: Signal.SIGABRT, SIGPOLL: Signal.SIGIO };
    expect(criSignal(stopSignal(number, '', 'container c'))).toBe(aliases[name] ?? number);
  });

  it("tells the image's, too", () => {
    expect(criSignal(stopSignal(Signal.RUNTIME_DEFAULT, 'SIGRTMIN+20', 'container c'))).toBe(Signal.SIGRTMAXMINUS10);
  });
});
