// Generates TypeScript from proto/*.proto into packages/sdk/src/gen. Plain JavaScript: set-up runs it before Node 24 is in use.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const require = createRequire(import.meta.url);

/** ts-proto's options: bigint for int64, enums that type stripping can erase, service definitions for grpc-js without client classes. */
const options = [
  'outputServices=grpc-js',
  'outputClientImpl=false',
  'esModuleInterop=true',
  'importSuffix=.ts',
  'forceLong=bigint',
  'oneof=unions-value',
  'enumsAsLiterals=true',
  'useOptionals=messages',
  'useDate=false',
  'env=node',
  'outputJsonMethods=false',
  'useExactTypes=false',
];

/** @returns {string[]} the generated files */
export function codegen() {
  const out = join(root, 'packages/sdk/src/gen');
  const protoDirectory = join(root, 'proto');
  const protos = readdirSync(protoDirectory).filter((name) => name.endsWith('.proto'));
  const protoc = require.resolve('protoc/protoc.cjs');
  const plugin = join(require.resolve('ts-proto/package.json'), '..', 'protoc-gen-ts_proto');
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  execFileSync(
    process.execPath,
    [
      protoc,
      `--plugin=protoc-gen-ts_proto=${plugin}`,
      `--ts_proto_out=${out}`,
      `--ts_proto_opt=${options.join(',')}`,
      `-I${protoDirectory}`,
      ...protos,
    ],
    { stdio: 'inherit' },
  );
  return protos.map((name) => join(out, name.replace(/\.proto$/, '.ts')));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) for (const file of codegen()) console.log(file);
