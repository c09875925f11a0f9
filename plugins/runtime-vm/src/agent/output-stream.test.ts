import { type GuestFrame, Stream } from '@berth/sdk/guest';
import { beforeEach, describe, expect, it } from 'vitest';
import { initialWindow } from '../guest/window.ts';
import { OutputStream } from './output-stream.ts';

let frames: GuestFrame['body'][];
let output: OutputStream;

beforeEach(() => {
  frames = [];
  output = new OutputStream('c', Stream.STREAM_STDOUT, { send: async (body) => void frames.push(body) });
});

function sentBytes(): number {
  return frames.reduce((sum, body) => sum + (body?.$case === 'output' ? body.value.data.length : 0), 0);
}

describe('OutputStream', () => {
  it('sends the rest when it is granted', async () => {
    const sending = output.send(Buffer.alloc(initialWindow + 10));
    await expect.poll(sentBytes).toBe(initialWindow);
    output.grant(10);
    await sending;
    expect(sentBytes()).toBe(initialWindow + 10);
  });

  it('drops what waits for room when it is closed', async () => {
    const sending = output.send(Buffer.alloc(initialWindow + 10));
    await expect.poll(sentBytes).toBe(initialWindow);
    output.close();
    await sending;
    await output.send(Buffer.from('more'));
    expect(sentBytes()).toBe(initialWindow);
  });
});
