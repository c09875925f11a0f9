import { run } from '@berth/sdk/cni/plugin';
import { plugin } from './portmap.ts';

process.exitCode = await run(plugin);
