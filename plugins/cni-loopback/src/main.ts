import { run } from '@berth/sdk/cni/plugin';
import { plugin } from './loopback.ts';

process.exitCode = await run(plugin);
