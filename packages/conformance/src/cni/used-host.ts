import type { Attachment } from './attachment.ts';
import { hostState } from './network-state.ts';
import type { CniTarget } from './target.ts';

/** Runs `work` with a container that is to be added to a network that another one is in already, so that what all share is there. */
export async function onUsedHost(target: CniTarget, work: (attachment: Attachment, before: string[]) => Promise<void>): Promise<void> {
  await target.withHost(async (host) => {
    // Where the configuration has but one address, no other container can have been added.
    if (!target.givesFixedAddresses) await (await target.attach(host)).add();
    const attachment = await target.attach(host);
    const before = await hostState(host);
    await work(attachment, before);
  });
}
