import { run } from '@berth/sdk/cni/plugin';
import { plugin } from './bridge.ts';

process.exitCode = await run(plugin);
