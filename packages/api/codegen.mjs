// Generates src/gen/fields.ts, the tables of known fields per Kubernetes kind, from the declarations of kubernetes-models.
// Plain JavaScript: set-up runs it before Node 24 is in use.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);
const ts = require('typescript');

/** The API versions whose kinds a node or a cluster's user keeps in files. */
const apiVersions = [
  'v1',
  'apps/v1',
  'autoscaling/v2',
  'batch/v1',
  'coordination.k8s.io/v1',
  'networking.k8s.io/v1',
  'node.k8s.io/v1',
  'policy/v1',
  'rbac.authorization.k8s.io/v1',
  'scheduling.k8s.io/v1',
  'storage.k8s.io/v1',
];

/** Types that are scalars on the wire, whatever their declaration says. */
const scalars = {
  IIoK8sApimachineryPkgApiResourceQuantity: 'quantity',
  IIoK8sApimachineryPkgUtilIntstrIntOrString: 'int-or-string',
  IIoK8sApimachineryPkgApisMetaV1Time: 'time',
  IIoK8sApimachineryPkgApisMetaV1MicroTime: 'time',
};

/** @param {string} name @returns {string} the folder of an installed package */
function packageFolder(name) {
  const folder = (require.resolve.paths(name) ?? []).map((path) => join(path, name)).find((path) => existsSync(path));
  if (!folder) throw new Error(`${name} is not installed; run npm install`);
  return folder;
}

/** The file that an import in `from` means; the declarations name each other by relative paths and by package subpaths. */
function resolveImport(specifier, from) {
  if (specifier.startsWith('.')) return join(dirname(from), specifier.replace(/\.js$/, '.d.ts'));
  const [scope, name, ...rest] = specifier.split('/');
  return `${join(packageFolder(`${scope}/${name}`), ...rest)}.d.ts`;
}

/** What one declaration file says: its public names, its imports and its interfaces. */
function readDeclarations(file) {
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest);
  const declared = { interfaces: new Map(), exports: new Map(), imports: new Map() };
  for (const statement of source.statements) {
    if (ts.isInterfaceDeclaration(statement)) declared.interfaces.set(statement.name.text, statement);
    else if (ts.isExportDeclaration(statement) && statement.exportClause) {
      for (const { name, propertyName } of statement.exportClause.elements) declared.exports.set(name.text, (propertyName ?? name).text);
    } else if (ts.isImportDeclaration(statement)) {
      for (const { name } of statement.importClause?.namedBindings?.elements ?? [])
        declared.imports.set(name.text, statement.moduleSpecifier.text);
    }
  }
  return declared;
}

class FieldTables {
  types = {};
  #files = new Map();

  #declarations(file) {
    if (!this.#files.has(file)) this.#files.set(file, readDeclarations(file));
    return this.#files.get(file);
  }

  /** Adds the interface that `file` exports under `exported`, and all that it refers to. @returns {object} the type of a field that holds it */
  add(file, exported) {
    const declared = this.#declarations(file);
    const declaration = declared.interfaces.get(declared.exports.get(exported));
    if (!declaration?.members.some(ts.isPropertySignature)) return 'any';
    const id = exported.replace(/^IIoK8s(Api(?=[A-Z])|ApimachineryPkg)/, '');
    if (!this.types[id]) {
      const fields = {};
      this.types[id] = fields;
      for (const member of declaration.members)
        if (ts.isPropertySignature(member)) fields[member.name.text] = this.#fieldType(member.type, file);
    }
    return { object: id };
  }

  #fieldType(node, file) {
    switch (node.kind) {
      case ts.SyntaxKind.StringKeyword:
        return 'string';
      case ts.SyntaxKind.NumberKeyword:
        return 'integer';
      case ts.SyntaxKind.BooleanKeyword:
        return 'boolean';
      case ts.SyntaxKind.LiteralType:
      case ts.SyntaxKind.UnionType:
        return 'string';
      case ts.SyntaxKind.TypeLiteral:
        return this.#mapType(node, file);
      case ts.SyntaxKind.TypeReference:
        return this.#referenceType(node, file);
      default:
        return 'any';
    }
  }

  #mapType(node, file) {
    const [member] = node.members;
    return member && ts.isIndexSignatureDeclaration(member) ? { map: this.#fieldType(member.type, file) } : 'any';
  }

  #referenceType(node, file) {
    const name = node.typeName.text;
    if (name === 'Array') return { list: this.#fieldType(node.typeArguments[0], file) };
    if (scalars[name]) return scalars[name];
    const specifier = this.#declarations(file).imports.get(name);
    return this.add(specifier ? resolveImport(specifier, file) : file, name);
  }
}

/** @returns {string | undefined} the exported name of the object kind that a file declares, if it declares one */
function kindOf(file) {
  const { interfaces, exports } = readDeclarations(file);
  for (const [exported, local] of exports) {
    const members = interfaces.get(local)?.members ?? [];
    if (exported.startsWith('IIo') && members.some((member) => member.name?.text === 'kind' && member.type.literal)) return exported;
  }
  return undefined;
}

/** @returns {string[]} the generated files */
export function codegen() {
  const models = packageFolder('kubernetes-models');
  const tables = new FieldTables();
  const kinds = {};
  for (const apiVersion of apiVersions) {
    const folder = join(models, apiVersion);
    for (const name of readdirSync(folder).filter((entry) => entry.endsWith('.d.ts') && entry !== 'index.d.ts')) {
      const kind = name.slice(0, -'.d.ts'.length);
      const exported = kind.endsWith('List') ? undefined : kindOf(join(folder, name));
      if (exported) kinds[`${apiVersion}/${kind}`] = tables.add(join(folder, name), exported).object;
    }
  }
  const out = fileURLToPath(new URL('src/gen/fields.ts', import.meta.url));
  mkdirSync(dirname(out), { recursive: true });
  writeFileSync(
    out,
    [
      "import type { FieldType } from '../field-type.ts';",
      '/** The name of the object type, by `apiVersion/kind`. */',
      `export const kinds: Record<string, string> = ${JSON.stringify(kinds, null, 1)};`,
      '/** The fields of each object type. */',
      `export const types: Record<string, Record<string, FieldType>> = ${JSON.stringify(tables.types, null, 1)};`,
      '',
    ].join('\n'),
  );
  return [out];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) for (const file of codegen()) console.log(file);
