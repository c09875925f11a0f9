import { Signal } from '@berth/sdk/cri';
import { describe, expect, it } from 'vitest';
import { logPath, stopSignal } from './plan-container.ts';

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
  ])('%s', (_what, asked, imageSignal, expected) => {
    expect(stopSignal(asked, imageSignal, 'container c')).toBe(expected);
  });

  it.each(['SIGNOTHING', '999', '0', '33', 'SIGRTMIN+31', 'constructor', '$(reboot)'])('refuses %s of an image', (imageSignal) => {
    expect(() => stopSignal(Signal.RUNTIME_DEFAULT, imageSignal, 'container c')).toThrow(/container c: the image's stop signal/);
  });
});

describe('logPath', () => {
  it('is below the log directory of the pod', () => {
    expect(logPath('/logs/pod/', 'c/0.log', 'container c')).toBe('/logs/pod/c/0.log');
  });

  it.each([
    ['', 'c/0.log'],
    ['/logs/pod', ''],
  ])('is none with directory "%s" and path "%s"', (directory, path) => {
    expect(logPath(directory, path, 'container c')).toBeUndefined();
  });

  it.each(['../other/0.log', '..', '../pod-2/0.log'])('refuses %s, which leaves it', (path) => {
    expect(() => logPath('/logs/pod', path, 'container c')).toThrow(/leaves the log directory/);
  });

  it('refuses a relative log directory', () => {
    expect(() => logPath('logs', '0.log', 'container c')).toThrow(/not absolute/);
  });
});
