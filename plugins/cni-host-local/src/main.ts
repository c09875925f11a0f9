import { run } from '@berth/sdk/cni/plugin';
import { plugin } from './host-local.ts';

process.exitCode = await run(plugin);
