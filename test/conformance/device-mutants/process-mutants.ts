import { spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PlainPlugin } from '../device-plugin/plain-plugin.mjs';
import type { DeviceMutant } from './mutant.ts';

/** Rules about calls of any kind, and about the end. */
export const processMutants: DeviceMutant[] = [
  {
    breaks: 'takes one call at a time, and refuses the others',
    caughtBy: 'call.concurrent',
    saying: 'busy',
    Plugin: class extends PlainPlugin {
      busy = false;
      override given(ids: string[]) {
        if (this.busy) throw new Error('busy');
        this.busy = true;
        setTimeout(() => {
          this.busy = false;
        }, 1);
        return super.given(ids);
      }
    },
  },
  {
    breaks: 'ends when a large request comes',
    caughtBy: 'call.large',
    saying: 'Allocate on unix://',
    Plugin: class extends PlainPlugin {
      override given(ids: string[]) {
        if (ids.length > 1000) process.exit(1);
        return super.given(ids);
      }
    },
  },
  {
    breaks: 'answers otherwise when it is asked for its options again',
    caughtBy: 'call.options',
    saying: 'options, asked for again',
    Plugin: class extends PlainPlugin {
      asked = 0;
      override answeredOptions() {
        return { ...super.answeredOptions(), pre_start_required: this.asked++ === 0 };
      }
    },
  },
  {
    breaks: 'does not end at SIGTERM',
    caughtBy: 'shutdown.ends',
    saying: 'the command did not end within',
    Plugin: class extends PlainPlugin {
      override stop() {}
    },
  },
  {
    breaks: 'leaves a process behind',
    caughtBy: 'shutdown.no-children',
    saying: '(sleep 120)',
    Plugin: class extends PlainPlugin {
      helper = spawn('sleep', ['120'], { detached: true, stdio: 'ignore' }).unref();
    },
  },
  {
    breaks: 'can not be started again',
    caughtBy: 'shutdown.starts-again',
    saying: 'was not registered within',
    Plugin: class extends PlainPlugin {
      override async run() {
        const lock = join(this.directory, 'lock');
        if (existsSync(lock)) throw new Error('it runs already');
        writeFileSync(lock, '');
        await super.run();
      }
    },
  },
];
