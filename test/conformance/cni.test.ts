import { join } from 'node:path';
import { type CniTargetOptions, runCniSuite } from '@berth/conformance/cni';
import type { Report } from '@berth/conformance/suite';
import { describe, expect, it } from 'vitest';
import { cniDirectories, cniMissing } from '../fixtures/cni-requirements.ts';

const olderVersion = 'libcni of that release answers VERSION in its newest version, whichever is asked for; later ones echo it';
const noVersionInErrors = "libcni's error objects have no cniVersion";
const aboutText = 'without CNI_COMMAND it tells about itself on standard error, for people, and succeeds';

/** Where the reference plugins 1.1.1 depart from the specification's text, case by case: the suite is right, and so is the reason. */
const everywhere: Record<string, string> = {
  'version.echo': olderVersion,
  'environment.no-command': aboutText,
  'error.version': noVersionInErrors,
};

const plainFile = 'it takes a plain file, such as a reboot leaves, for an error, and a missing one for done';
const masqueradeLeft =
  'without an interface to read the addresses from it leaves their masquerade rules: later releases read them from prevResult';
const checksBothFamilies =
  'its CHECK looks for chains of IPv6 too, which its ADD makes only where the container has an address of that family';

const ofOneShape =
  "the result of loopback is written in the shape of 1.0.0, whichever version is asked for, and 'cniVersion' says otherwise";

const deviations: Record<string, Record<string, string>> = {
  bridge: {
    ...everywhere,
    'delegation.dns': 'it puts the dns of its own configuration, though that has none, in the place of that of IPAM',
    'delegation.failure-del': 'it calls DEL only after an ADD of IPAM that succeeded',
    'delegation.failure-clean': 'it leaves its veth pair to the DEL of the runtime where IPAM fails',
    'del.one-interface': 'its masquerade chain is named by container alone: the DEL of one interface finds it in use by the other',
    'del.missing-netns': masqueradeLeft,
    'del.no-netns': masqueradeLeft,
    'del.empty-netns': masqueradeLeft,
    'del.interface-gone': masqueradeLeft,
    'del.plain-file-netns': plainFile,
    'crash.during-ipam': 'a bridge that has lost its last port has no hardware address, which the next ADD fails to set',
  },
  'host-local': everywhere,
  loopback: {
    ...everywhere,
    'result.0-1-0': ofOneShape,
    'result.0-2-0': ofOneShape,
    'result.0-3-0': ofOneShape,
    'result.0-3-1': ofOneShape,
    'result.0-4-0': ofOneShape,
    'del.plain-file-netns': plainFile,
  },
  portmap: {
    ...everywhere,
    'check.after-add': checksBothFamilies,
    'check.versions': checksBothFamilies,
    'check.changes-nothing': checksBothFamilies,
    'check.rules-flushed': checksBothFamilies,
    'execution.containers-apart': checksBothFamilies,
  },
};

const oneChain = 'the first ADDs of a host fail where two at once make the chain that all share';
const halfMade = 'its DEL fails where the killed ADD has made but a part of the rules for a container';

/** Where it departs in some runs only: it hangs on the moment of the kill, or of the call beside it. */
const occasionalDeviations: Record<string, Record<string, string>> = {
  bridge: { 'crash.address': halfMade, 'crash.any-moment': halfMade },
  'host-local': { 'crash.address': 'its DEL finds no owner in the file of an address whose ADD was killed between making and writing it' },
  portmap: { 'add.parallel': oneChain, 'del.parallel': oneChain, 'crash.any-moment': halfMade },
};

const noOwnInterface = 'lo is in each network namespace from the beginning';

/** What of our plugins isn't judged, beside the cases about plugins of another kind. */
const notJudged: Record<string, Record<string, string>> = {
  flannel: {
    'result.requested-mac': 'its configuration has no such capability',
    'result.requested-address': 'its configuration has no such capability',
  },
  loopback: {
    'result.mtu': 'it tells none',
    'result.requested-mac': noOwnInterface,
    'result.requested-address': noOwnInterface,
    'add.occupied-name': noOwnInterface,
    'check.interface-deleted': noOwnInterface,
    'check.mac-changed': noOwnInterface,
    'check.no-prev-result': noOwnInterface,
  },
  portmap: { 'result.0-1-0': 'chains came with 0.3.0', 'result.0-2-0': 'chains came with 0.3.0' },
};

const skipsOf = ({ cases }: Report): string[] =>
  cases.flatMap(({ id, result, reason }) => (result === 'skipped' && !/of kind|IPAM|no addresses/.test(reason ?? '') ? [id] : []));

const failuresOf = ({ cases }: Report): string[] =>
  cases.flatMap(({ id, result, reason }) => (result === 'failed' ? [`${id}: ${reason}`] : []));

/** Several suites run beside each other: each waits for the kernel now and then. */
const suite = (options: CniTargetOptions): Promise<Report> => runCniSuite(options, { parallel: 2 });

describe.concurrent('the CNI suite on the reference plugins', () => {
  it.concurrent.for(Object.keys(deviations))('%s passes, but for listed deviations', async (name, { skip }) => {
    const missing = cniMissing('reference');
    if (missing !== undefined) skip(missing);
    const report = await suite({ plugin: join(cniDirectories.reference, name) });
    expect(report.leftBehind).toBeUndefined();
    const failed = failuresOf(report).filter((failure) => !(idOf(failure) in (occasionalDeviations[name] ?? {})));
    const listed = deviations[name] ?? {};
    expect(failed.filter((failure) => !(idOf(failure) in listed))).toEqual([]);
    expect(failed.map(idOf).sort()).toEqual(Object.keys(listed).sort());
    expect(report.protocol.rpcs.filter(({ covered }) => !covered).map((verb) => verb.name)).toEqual(
      name === 'portmap' ? ['CHECK', 'GC', 'STATUS'] : ['GC', 'STATUS'],
    );
  });
});

describe.concurrent('the CNI suite on our plugins', () => {
  it.concurrent.for(['bridge', 'flannel', 'host-local', 'loopback', 'portmap'])(
    '%s passes, and answers every verb',
    async (name, { skip }) => {
      const missing = cniMissing('ours');
      if (missing !== undefined) skip(missing);
      const report = await suite({ plugin: join(cniDirectories.ours, name) });
      expect(report.leftBehind).toBeUndefined();
      expect(failuresOf(report)).toEqual([]);
      expect(skipsOf(report).sort()).toEqual(Object.keys(notJudged[name] ?? {}).sort());
      expect(report.protocol.rpcs.filter(({ covered }) => !covered)).toEqual([]);
    },
  );
});

function idOf(failure: string): string {
  return failure.slice(0, failure.indexOf(':'));
}
