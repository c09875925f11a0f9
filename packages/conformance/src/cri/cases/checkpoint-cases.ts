import { existsSync } from 'node:fs';
import { PluginError } from '@berth/sdk/errors';
import { expectEqual, expectTrue } from '../../expect.ts';
import { expectRefused } from '../../refusals.ts';
import { type Case, SkipCase } from '../../suite.ts';
import { unknownId } from '../expect.ts';
import { checkpoints } from '../needs.ts';
import type { TestContainer } from '../pod.ts';
import type { CriTarget } from '../target.ts';

export const checkpointCases: Case<CriTarget>[] = [
  {
    id: 'container.checkpoint',
    group: 'container',
    clause: 'CheckpointContainer writes an archive and leaves the container running (cri.proto, CheckpointContainer)',
    proves: ['CheckpointContainer', 'CheckpointContainerRequest.container_id', 'CheckpointContainerRequest.location'],
    needs: [checkpoints],
    async run(target) {
      await target.withContainer({}, async (container) => {
        await container.start();
        const location = locationBeside(container);
        const refusal = await refusalOfCheckpoint(target, container, location);
        if (refusal && isUnable(refusal)) throw new SkipCase(`the server can't make checkpoints here: ${refusal.message}`);
        if (refusal) throw refusal;
        expectTrue(existsSync(location), 'there is no archive');
        expectEqual((await container.status()).state, 'CONTAINER_RUNNING', 'state');
      });
    },
  },
  {
    id: 'container.checkpoint-answer',
    group: 'container',
    clause: 'the answer of CheckpointContainer is true: there is an archive unless it is refused, and the container goes on either way',
    proves: ['CheckpointContainer'],
    needs: [checkpoints],
    async run(target) {
      await target.withContainer({}, async (container) => {
        await container.start();
        const location = locationBeside(container);
        const refusal = await refusalOfCheckpoint(target, container, location);
        if (refusal) expectTrue(refusal.message.length > 20, `the refusal says nothing: ${JSON.stringify(refusal.message)}`);
        expectEqual(existsSync(location), refusal === undefined, 'whether there is an archive');
        expectEqual((await container.status()).state, 'CONTAINER_RUNNING', 'state');
      });
    },
  },
  {
    id: 'container.checkpoint-unknown',
    group: 'container',
    clause: 'CheckpointContainer of an unknown container is NOT_FOUND (cri.proto, CheckpointContainer)',
    proves: ['CheckpointContainer'],
    async run({ client }) {
      await expectRefused(
        client.CheckpointContainer({ containerId: unknownId, location: '/tmp/none.tar' }),
        'CheckpointContainer of an unknown id',
        'NOT_FOUND',
      );
    },
  },
];

function locationBeside({ logFile }: TestContainer): string {
  return `${logFile}.checkpoint.tar`;
}

/** Undefined if the checkpoint was made. */
async function refusalOfCheckpoint(
  { client }: CriTarget,
  { id: containerId }: TestContainer,
  location: string,
): Promise<PluginError | undefined> {
  try {
    await client.CheckpointContainer({ containerId, location, timeout: 20 });
    return undefined;
  } catch (error) {
    if (error instanceof SkipCase || PluginError.from(error).code === 'UNIMPLEMENTED') throw error;
    return PluginError.from(error);
  }
}

/** The server has the call, and this host lacks what it takes: other servers tell it with code UNKNOWN. */
function isUnable({ code, message }: PluginError): boolean {
  return code === 'FAILED_PRECONDITION' || /\bcriu\b|not (available|supported|enabled)/i.test(message);
}
