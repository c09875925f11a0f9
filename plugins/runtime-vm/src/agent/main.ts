import { writeFileSync } from 'node:fs';
import { release } from 'node:os';
import { Agent } from './agent.ts';
import { limitContainers } from './containers-cgroup.ts';
import { becomeSubreaper } from './libc.ts';
import { Port } from './port.ts';

const [path = ''] = process.argv.slice(2);
becomeSubreaper();
// A machine that runs out of memory kills what its pod runs, and not what tells of it.
writeFileSync('/proc/self/oom_score_adj', '-1000');
limitContainers();
const port = new Port(path);
const agent = new Agent(port);
agent.reapContainers();
await port.send({ $case: 'ready', value: { kernelRelease: release() } });
for await (const frame of port.frames()) agent.take(frame);
