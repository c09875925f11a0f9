import type { DocumentOptions, ParseOptions, ScalarTag, SchemaOptions, Tags } from 'yaml';

const octal: ScalarTag = {
  tag: 'tag:yaml.org,2002:int',
  default: true,
  format: 'OCT',
  test: /^[-+]?0[0-7_]+$/,
  resolve: (text) => {
    const digits = text.replace(/[-+_]/g, '');
    return text.startsWith('-') ? -Number.parseInt(digits, 8) : Number.parseInt(digits, 8);
  },
};

const yesOrNo: ScalarTag = {
  tag: 'tag:yaml.org,2002:bool',
  default: true,
  test: /^(?:[Yy]es|YES|[Nn]o|NO|[Oo]n|ON|[Oo]ff|OFF)$/,
  resolve: (text) => /^(yes|on)$/i.test(text),
};

/**
 * YAML as Kubernetes' own tools read it: YAML 1.2 with what they keep of 1.1, where `defaultMode: 0644` is octal, `yes` is a boolean
 * and `<<` merges. Whole numbers come as bigint, so that none is rounded.
 */
export const yamlRules: ParseOptions & DocumentOptions & SchemaOptions = {
  schema: 'core',
  merge: true,
  intAsBigInt: true,
  prettyErrors: false,
  // Left to findDuplicateKey.
  uniqueKeys: false,
  // What the library would print as a warning becomes an error of the field.
  logLevel: 'error',
  customTags: (tags: Tags) => [octal, yesOrNo, ...tags],
};
