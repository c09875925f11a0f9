/** The imagePullPolicy of an image reference: Always for the tag `latest`, written or implied; IfNotPresent for any other tag and for a digest. */
export function defaultPullPolicy(image = ''): 'Always' | 'IfNotPresent' {
  if (image.includes('@')) return 'IfNotPresent';
  const name = image.slice(image.lastIndexOf('/') + 1);
  const tag = name.includes(':') ? name.slice(name.indexOf(':') + 1) : 'latest';
  return tag === 'latest' ? 'Always' : 'IfNotPresent';
}
