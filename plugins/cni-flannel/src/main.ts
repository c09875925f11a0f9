import { run } from '@berth/sdk/cni/plugin';
import { plugin } from './flannel.ts';

process.exitCode = await run(plugin);
