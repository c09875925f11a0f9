import { fileURLToPath } from 'node:url';
import { Client, credentials, type ServiceError, status } from '@grpc/grpc-js';
import fc from 'fast-check';
import protobuf from 'protobufjs';

const protoFile = fileURLToPath(new URL('../../../proto/cri.proto', import.meta.url));
const root = protobuf.loadSync(protoFile);

export interface RandomRpc {
  name: string;
  path: string;
  streams: boolean;
  request: protobuf.Type;
}

/** All calls of CRI, as its proto file has them. */
export const rpcs: RandomRpc[] = ['RuntimeService', 'ImageService'].flatMap((service) =>
  root.lookupService(`runtime.v1.${service}`).methodsArray.map(({ name, requestType, responseStream }) => ({
    name,
    path: `/runtime.v1.${service}/${name}`,
    streams: Boolean(responseStream),
    request: root.lookupType(`runtime.v1.${requestType}`),
  })),
);

/** Messages deeper than this are left out. */
const mostDepth = 5;

type Fields = Record<string, unknown>;

/** Messages of a type as they come over the wire, each field there or not; texts are `texts`. `change` may make some of it right. */
export function requestsOf(
  type: protobuf.Type,
  texts: fc.Arbitrary<string>,
  change = (fields: Fields) => fields,
): fc.Arbitrary<Uint8Array> {
  return objectsOf(type, texts, 0).map((fields) => type.encode(type.fromObject(change(fields))).finish());
}

function objectsOf(type: protobuf.Type, texts: fc.Arbitrary<string>, depth: number): fc.Arbitrary<Fields> {
  const fields = type.fieldsArray.flatMap((field) => {
    const resolved = field.resolve();
    if (resolved.resolvedType instanceof protobuf.Type && depth >= mostDepth) return [];
    return [[resolved.name, valuesOf(resolved, texts, depth)] as const];
  });
  return fc.record(Object.fromEntries(fields), { requiredKeys: [] });
}

function valuesOf(field: protobuf.Field, texts: fc.Arbitrary<string>, depth: number): fc.Arbitrary<unknown> {
  const one = singleOf(field, texts, depth);
  if (field instanceof protobuf.MapField) return fc.dictionary(texts, one, { maxKeys: 2 });
  return field.repeated ? fc.array(one, { maxLength: 3 }) : one;
}

function singleOf({ type, resolvedType }: protobuf.Field, texts: fc.Arbitrary<string>, depth: number): fc.Arbitrary<unknown> {
  if (resolvedType instanceof protobuf.Type) return objectsOf(resolvedType, texts, depth + 1);
  if (resolvedType instanceof protobuf.Enum)
    return fc.oneof(fc.constantFrom(...Object.values(resolvedType.values)), fc.constantFrom(-1, 99));
  if (type === 'string') return texts;
  if (type === 'bytes') return texts.map((text) => Buffer.from(text));
  if (type === 'bool') return fc.boolean();
  const edges = type.endsWith('64') ? [0, 1, -1, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER] : [0, 1, -1, -(2 ** 31), 2 ** 31 - 1];
  return fc.oneof(fc.constantFrom(...(type.startsWith('u') ? edges.filter((edge) => edge >= 0) : edges)), fc.nat(100));
}

/** A client that sends bytes, whatever they say. */
export class RawClient {
  readonly #client: Client;

  /** `unix:///path` */
  constructor(address: string) {
    this.#client = new Client(address, credentials.createInsecure(), { 'grpc.default_authority': 'localhost' });
  }

  /** How the server answers, by the name of the status: at the latest DEADLINE_EXCEEDED after `limitMs`. */
  async call({ path, streams }: RandomRpc, request: Uint8Array, limitMs: number): Promise<string> {
    const options = { deadline: Date.now() + limitMs };
    const { promise, resolve } = Promise.withResolvers<number>();
    const same = (bytes: Buffer): Buffer => bytes;
    const bytes = Buffer.from(request);
    if (streams) {
      const stream = this.#client.makeServerStreamRequest(path, same, same, bytes, options);
      stream.on('data', () => undefined).on('error', () => undefined);
      stream.once('status', ({ code }) => resolve(code));
    } else {
      const done = (error: ServiceError | null): void => resolve(error?.code ?? status.OK);
      this.#client.makeUnaryRequest(path, same, same, bytes, options, done);
    }
    return status[await promise] ?? 'none';
  }

  close(): void {
    this.#client.close();
  }
}
