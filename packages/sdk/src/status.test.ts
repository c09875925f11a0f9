import { Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { PluginError } from './errors.ts';
import { fromStatus, toStatus } from './status.ts';

const failed = (code: number, details: string): ServiceError =>
  Object.assign(new Error(`${code} ${details}`), { code, details, metadata: new Metadata() });

const call = { object: 'Version on unix:///x.sock', deadlineMs: 200, peer: 'plugin' };
const message = (code: number, details: string) => fromStatus(failed(code, details), call).message;

describe('fromStatus', () => {
  it.each([
    [
      status.UNAVAILABLE,
      'No connection established. Last error: Error: connect ENOENT /x.sock. Resolution note: ',
      "the socket file doesn't exist; is the plugin running?",
    ],
    [
      status.UNAVAILABLE,
      'No connection established. Last error: connect ECONNREFUSED /x.sock. Resolution note: ',
      'nobody listens there; is the plugin running?',
    ],
    [
      status.UNAVAILABLE,
      'No connection established. Last error: connect EACCES /x.sock. Resolution note: ',
      'no permission to open the socket; run as the user who owns it',
    ],
    [
      status.UNAVAILABLE,
      'No connection established. Last error: odd. Resolution note: ',
      'no connection (odd); does a gRPC server listen there?',
    ],
    [
      status.UNAVAILABLE,
      'No connection established. Last error: Protocol error (2026-11-22T16:19:59.123Z). Resolution note: ',
      'no connection (Protocol error); does a gRPC server listen there?',
    ],
    [status.UNAVAILABLE, 'Connection dropped', 'the connection broke during the call; see whether the plugin crashed'],
    [
      status.DEADLINE_EXCEEDED,
      'Deadline exceeded after 0.200s,LB pick: 0.002s,remote_addr=/x.sock',
      'no answer within 200 ms; see what the plugin is waiting for, or allow it more time',
    ],
    [status.DEADLINE_EXCEEDED, 'Deadline exceeded', 'no answer within 200 ms; see what the plugin is waiting for, or allow it more time'],
    [status.INTERNAL, 'Received RST_STREAM with code 1', 'the plugin broke the call off (HTTP/2 error 1)'],
  ])("says what grpc-js's own %s %j means", (code, details, expected) => {
    expect(message(code, details)).toBe(`Version on unix:///x.sock: ${expected}`);
  });

  it.each([
    [status.DEADLINE_EXCEEDED, 'context deadline exceeded'],
    [status.UNAVAILABLE, 'containerd is shutting down'],
    [status.NOT_FOUND, 'sandbox "x": No connection established in the text of a plugin'],
  ])("keeps a plugin's own words: %s %j", (code, details) => {
    expect(message(code, details)).toBe(`Version on unix:///x.sock: ${details}`);
  });

  it('says that a plugin of another kind listens there', () => {
    expect(message(status.UNIMPLEMENTED, 'unknown service runtime.v1.RuntimeService')).toMatch(/; is this the right kind of plugin\?$/);
  });

  it('takes a status number that nobody defined for UNKNOWN', () => {
    expect(fromStatus(failed(99, 'odd'), call).code).toBe('UNKNOWN');
  });

  it('says so when a plugin gave no reason', () => {
    expect(message(status.ABORTED, '')).toBe('Version on unix:///x.sock: the plugin gave no reason');
  });
});

describe('toStatus', () => {
  it("gives a PluginError's own code and message", () => {
    expect(toStatus(new PluginError('NOT_FOUND', 'gone', { object: 'sandbox x' }))).toEqual({
      code: status.NOT_FOUND,
      details: 'sandbox x: gone',
    });
  });

  it('gives INTERNAL for anything that nobody foresaw', () => {
    expect(toStatus('odd')).toEqual({ code: status.INTERNAL, details: 'odd' });
  });
});
