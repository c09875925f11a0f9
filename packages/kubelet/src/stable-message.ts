/** The whole id of a sandbox or container, and not an image's digest. */
const wholeId = /(?<!sha256:)\b[0-9a-f]{64}\b/g;
/** How Berth's shims name them: `container main (0a1b2c3d4e5f)`. */
const idBehindName = / \([0-9a-f]{12}\)/g;
const shortId = /\b(?<kind>sandbox|container) [0-9a-f]{12}\b/g;
/** How programs begin a line of their log: klog's, Go's and logrus's. */
const logTimes = /\b[IWEF]\d{4} [\d:.]+ +\d+ (?=\S+\])|\b\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d(?:\.\d+)? |\btime="[^"]*" /g;
const time = /\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)/g;

/**
 * A message without what is another with each try, so that the same failure is one event that counts up; `nameOf` an id stands in its place, as with
 * kubelet (kuberuntime/kuberuntime_container.go: recordContainerEvent).
 */
export function stableMessage(message: string, nameOf: (id: string) => string): string {
  return message
    .replace(idBehindName, '')
    .replace(wholeId, nameOf)
    .replace(shortId, '$<kind> <id>')
    .replace(logTimes, '')
    .replace(time, '<time>');
}
