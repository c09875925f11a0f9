import type { Attachment } from './attachment.ts';
import type { IpamStub } from './ipam-stub.ts';
import type { CniErrorObject } from './results.ts';
import type { CniTarget } from './target.ts';

/** The address that the stub gives unless a case says otherwise. */
export const stubbedAddress = '10.89.5.20/24';

/** Runs `work` with a container whose addresses come from the suite's own IPAM plugin. */
export async function withStub(target: CniTarget, work: (attachment: Attachment, stub: IpamStub) => Promise<void>): Promise<void> {
  const { stub, change } = target.stub();
  stub.gives(target.newest, [stubbedAddress]);
  await target.withAttachment((attachment) => work(attachment, stub), change);
}

/** The same on a host that another such container is on already, so that what all share is there. */
export async function withUsedStub(target: CniTarget, work: (attachment: Attachment, stub: IpamStub) => Promise<void>): Promise<void> {
  const { stub, change } = target.stub();
  await target.withHost(async (host) => {
    stub.gives(target.newest, ['10.89.5.2/24']);
    await (await target.attach(host, change)).add();
    stub.gives(target.newest, [stubbedAddress]);
    await work(await target.attach(host, change), stub);
  });
}

/** What the stub fails with, and the plugin has to pass on. */
export function stubError(cniVersion: string, code = 11): CniErrorObject {
  return { cniVersion, code, msg: 'the addresses are being counted' };
}

/** Throws unless the plugin passes the code on that IPAM fails with. Gives the plugin's error. */
export async function expectFailurePassedOn(attachment: Attachment, stub: IpamStub, verb: string, code: number): Promise<CniErrorObject> {
  stub.fails(verb, stubError(attachment.parts.cniVersion, code));
  return attachment.refused(verb, {}, `IPAM fails with code ${code}`, code);
}
