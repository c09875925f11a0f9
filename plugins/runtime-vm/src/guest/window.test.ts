import { describe, expect, it } from 'vitest';
import { initialWindow, SendWindow } from './window.ts';

describe('SendWindow', () => {
  it('gives what there is room for, and waits for more', async () => {
    const window = new SendWindow();
    expect(await window.take(initialWindow - 10)).toBe(initialWindow - 10);
    expect(await window.take(100)).toBe(10);
    const waiting = window.take(100);
    window.grant(7);
    expect(await waiting).toBe(7);
  });

  it('gives nothing more once it is closed, to who waits neither', async () => {
    const window = new SendWindow();
    await window.take(initialWindow);
    const waiting = window.take(100);
    window.close();
    expect(await waiting).toBe(0);
    window.grant(7);
    expect(await window.take(100)).toBe(0);
  });
});
