import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { MethodDefinition, ServiceDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { describe, expect, it } from 'vitest';
import { type WireFacts, wireFacts } from '../../../test/fixtures/wire/wire-facts.ts';
import { ImageServiceService, RuntimeServiceService } from './gen/cri.ts';

const fromRoot = (path: string) => fileURLToPath(new URL(`../../../${path}`, import.meta.url));
const criProto = fromRoot('proto/cri.proto');
const standard: WireFacts = JSON.parse(readFileSync(fromRoot('test/fixtures/wire/cri.json'), 'utf8'));

/** Each place where `ours` says something else than `theirs`, as a line that names it. */
function differences(ours: unknown, theirs: unknown, at: string): string[] {
  if (!isTree(ours) || !isTree(theirs))
    return ours === theirs ? [] : [`${at} is ${JSON.stringify(ours)}, the standard has ${JSON.stringify(theirs)}`];
  const [mine, expected] = [byName(ours), byName(theirs)];
  return [...new Set([...Object.keys(mine), ...Object.keys(expected)])].flatMap((key) =>
    differences(mine[key], expected[key], at ? `${at}.${key}` : key),
  );
}

function isTree(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** Fields, values and methods are told apart by name, wherever they stand; their order counts as one more fact. */
function byName(tree: object): Record<string, unknown> {
  if (!Array.isArray(tree)) return { ...tree };
  const named = tree.map((item) => [isTree(item) && 'name' in item ? String(item.name) : String(item), item]);
  return { ...Object.fromEntries(named), '(order)': named.map(([name]) => name).join(' ') };
}

/** The part of a standard that a program uses. */
function partOf(facts: WireFacts, ours: WireFacts): WireFacts {
  const only = <Value>(all: Record<string, Value>, some: object) =>
    Object.fromEntries(Object.entries(all).filter(([name]) => Object.hasOwn(some, name)));
  const services = Object.entries(only(facts.services, ours.services)).map(([service, methods]) => {
    const names = ours.services[service]?.map(({ name }) => name) ?? [];
    return [service, methods.filter(({ name }) => names.includes(name))] as const;
  });
  return {
    ...facts,
    services: Object.fromEntries(services),
    messages: only(facts.messages, ours.messages),
    enums: only(facts.enums, ours.enums),
  };
}

/** Lines that begin something which nobody explains. */
function unexplained(protoFile: string, pattern: RegExp): string[] {
  const lines = readFileSync(protoFile, 'utf8').split('\n');
  return lines.filter((line, index) => pattern.test(line) && !/^\s*\/\//.test(lines[index - 1] ?? ''));
}

describe.each(['csi', 'device-plugin', 'etcd-kv', 'etcd-rpc', 'plugin-registration', 'pod-resources'])('proto/%s.proto', (name) => {
  const proto = fromRoot(`proto/${name}.proto`);
  const theirs: WireFacts = JSON.parse(readFileSync(fromRoot(`test/fixtures/wire/${name}.json`), 'utf8'));

  it('has the names, numbers, types and streams of the standard, as far as it goes', () => {
    const ours = wireFacts(proto);
    expect(differences(ours, partOf(theirs, ours), '')).toEqual([]);
  });

  it('explains every service, method and enum, and every message that is more than what one method takes or gives', () => {
    expect(unexplained(proto, /^(service|message| *enum| *rpc) (?!\w+(Request|Response) )/)).toEqual([]);
  });
});

describe('proto/cri.proto', () => {
  it('has exactly the names, numbers, types and streams of the standard', () => {
    expect(differences(wireFacts(criProto), standard, '')).toEqual([]);
  });

  it.each([
    [
      'another number',
      (facts: WireFacts) => Object.assign(field(facts, 'Mount', 'readonly'), { number: 99 }),
      'messages.Mount.fields.readonly.number is 99, the standard has 3',
    ],
    [
      'another type',
      (facts: WireFacts) => Object.assign(field(facts, 'ExecSyncRequest', 'timeout'), { type: 'int32' }),
      'messages.ExecSyncRequest.fields.timeout.type is "int32", the standard has "int64"',
    ],
    ['a missing message', (facts: WireFacts) => delete facts.messages.PodIP, 'messages.PodIP is undefined, the standard has '],
    [
      'a stream that is none',
      (facts: WireFacts) =>
        Object.assign(facts.services.RuntimeService?.find(({ name }) => name === 'GetContainerEvents') ?? {}, { serverStreaming: false }),
      'services.RuntimeService.GetContainerEvents.serverStreaming is false, the standard has true',
    ],
  ])('is told apart from one with %s', (_what, change, expected) => {
    const changed = structuredClone(standard);
    change(changed);
    expect(differences(changed, standard, '')[0]).toContain(expected);
  });

  function field(facts: WireFacts, message: string, name: string): object {
    const found = facts.messages[message]?.fields.find((candidate) => candidate.name === name);
    if (!found) throw new Error(`no field ${message}.${name}`);
    return found;
  }

  it('explains every service, method and enum, and every message that is more than what one method takes or gives', () => {
    expect(unexplained(criProto, /^(service|message|enum| *rpc) (?!\w+(Request|Response) )/)).toEqual([]);
  });
});

describe('the generated code and proto-loader', () => {
  const loaded = loadSync(criProto, { keepCase: true, longs: String, defaults: true });
  const services: [string, ServiceDefinition][] = [
    ['RuntimeService', RuntimeServiceService],
    ['ImageService', ImageServiceService],
  ];
  const methods = services.flatMap(([service, generated]) =>
    Object.values(generated).map((method: Method): [string, Method, Method] => {
      const name = method.path.replace(/.*\//, '');
      return [name, method, (loaded[`runtime.v1.${service}`] as ServiceDefinition)[name] as Method];
    }),
  );

  it.each(methods)('agree on the bytes of %s', (name, generated, independent) => {
    const facts = Object.values(standard.services)
      .flat()
      .find((method) => method.name === name);
    const request = filled(facts?.input ?? '');
    const response = filled(facts?.output ?? '');
    expect(plain(generated.requestDeserialize(independent.requestSerialize(request)))).toEqual(plain(request));
    expect(
      plain(
        independent.requestDeserialize(generated.requestSerialize(generated.requestDeserialize(independent.requestSerialize(request)))),
      ),
    ).toEqual(plain(request));
    expect(plain(generated.responseDeserialize(independent.responseSerialize(response)))).toEqual(plain(response));
    expect(
      plain(
        independent.responseDeserialize(
          generated.responseSerialize(generated.responseDeserialize(independent.responseSerialize(response))),
        ),
      ),
    ).toEqual(plain(response));
  });
});

// biome-ignore lint/suspicious/noExplicitAny: messages of all kinds
type Method = MethodDefinition<any, any>;

const samples: Record<string, unknown> = {
  bool: true,
  double: 0.1,
  int32: -7,
  uint32: 4_000_000_000,
  int64: '-9007199254740993',
  uint64: '18446744073709551615',
  bytes: Buffer.from([0, 255, 128]),
};

/** A message with every field set, to a value that tells it from the fields beside it. */
function filled(message: string): Record<string, unknown> {
  const { fields } = standard.messages[message] ?? { fields: [] };
  return Object.fromEntries(
    fields.map(({ name, type, label }) => {
      const value = type.startsWith('map<') ? { [`${name}-key`]: `${name}-value` } : sample(name, type);
      return [name, label === 'repeated' ? [value, sample(`${name}-2`, type)] : value];
    }),
  );
}

function sample(name: string, type: string): unknown {
  if (type === 'string') return `${name}-ü`;
  const values = standard.enums[type]?.values;
  if (values) return values.at(-1)?.number;
  return standard.messages[type] ? filled(type) : samples[type];
}

/** Both libraries' messages in one form: they spell keys and 64-bit integers differently. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (Array.isArray(value)) return value.map(plain);
  if (!isTree(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key.replaceAll('_', '').toLowerCase(), plain(inner)]));
}
