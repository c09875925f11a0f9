import { describe, expect, it } from 'vitest';
import { VerbCoverage } from './coverage.ts';

const env = { CNI_COMMAND: 'ADD', CNI_ARGS: '' };

describe('VerbCoverage', () => {
  it('counts calls, and takes a verb for covered once it has succeeded', () => {
    const coverage = new VerbCoverage();
    coverage.ended({ verb: 'ADD', env, stdin: {}, succeeded: false, printed: { code: 7, msg: 'no name' } });
    coverage.ended({ verb: 'ADD', env, stdin: {}, succeeded: true, printed: {} });
    coverage.ended({ verb: 'CHECK', env, stdin: {}, succeeded: false, printed: undefined });
    const { rpcs } = coverage.report();
    expect(rpcs.find(({ name }) => name === 'ADD')).toEqual({ name: 'ADD', service: 'CNI', covered: true, calls: 2, since: '0.1.0' });
    expect(rpcs.find(({ name }) => name === 'CHECK')).toMatchObject({ covered: false, calls: 1 });
    expect(rpcs).toHaveLength(6);
  });

  it('notes which keys came with a value, of objects within others too', () => {
    const coverage = new VerbCoverage();
    const config = { name: 'net', args: {}, prevResult: { ips: [{ address: '10.1.0.2/16' }] } };
    const printed = { interfaces: [{ name: 'eth0', mac: '' }], dns: { search: ['example.org'] } };
    coverage.ended({ verb: 'ADD', env, stdin: config, succeeded: true, printed });
    const covered = Object.fromEntries(coverage.report().messages.map(({ name, covered: keys }) => [name, keys]));
    expect(covered).toMatchObject({
      Environment: ['CNI_COMMAND'],
      Configuration: ['name', 'prevResult'],
      Result: ['interfaces', 'ips', 'dns'],
      Interface: ['name'],
      Address: ['address'],
      Dns: ['search'],
      Error: [],
    });
  });

  it('takes nothing of a call that failed but its error', () => {
    const coverage = new VerbCoverage();
    const printed = { cniVersion: '1.0.0', code: 7, msg: 'no type' };
    coverage.ended({ verb: 'ADD', env, stdin: { name: 'net' }, succeeded: false, printed });
    const covered = coverage.report().messages.filter(({ covered: keys }) => keys.length > 0);
    expect(covered.map(({ name, covered: keys }) => [name, keys])).toEqual([['Error', ['cniVersion', 'code', 'msg']]]);
  });
});
