/** What tells which libraries are there. Without what packages ask of each other, none of them stands in another's way. */
const kept = ['Package', 'Architecture', 'Multi-Arch', 'Version', 'Provides'];

/**
 * The host's packages as if they had no relations: Docker's conflict with Debian's runc and containerd, packages may be held, and
 * some depend on what isn't there; apt would refuse to plan, though nothing is to be installed.
 * @param {string} status dpkg's status file
 * @returns {string} the same for apt to read
 */
export function withoutRelations(status) {
  return status
    .split('\n\n')
    .filter((paragraph) => /^Status: \S+ ok installed$/m.test(paragraph))
    .map((paragraph) => ['Status: install ok installed', ...kept.flatMap((field) => lineOf(paragraph, field))].join('\n'))
    .map((paragraph) => `${paragraph}\n\n`)
    .join('');
}

function lineOf(paragraph, field) {
  return new RegExp(`^${field}: .*$`, 'm').exec(paragraph) ?? [];
}
