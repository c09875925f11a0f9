import { quoted } from '../quoted.ts';

/** What the API allows (k8s.io/kubelet, pkg/apis/deviceplugin/v1beta1/api.proto, Device.ID); kubelet takes any. */
export const longestId = 63;

/** In bytes. More than this is no name of anything. */
const mostBytes = 1024;

/** Why a kubelet leaves a device of this id out, in words that go on from "it is left out: "; undefined: it takes it. */
export function problemOfId(id: string): string | undefined {
  if (id === '') return 'it has no id';
  const bytes = Buffer.byteLength(id);
  if (bytes > mostBytes) return `its id has ${bytes} bytes, and ${mostBytes} are allowed`;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
  return /[\u0000-\u001f\u007f]/.test(id) ? 'its id has control characters' : undefined;
}

const mostShown = 8;

/** Ids in a message: each as `quoted` shows it, and of many only the first. */
export function quotedIds(ids: readonly string[]): string {
  const shown = ids.slice(0, mostShown).map(quoted).join(', ');
  return ids.length > mostShown ? `${shown} and ${ids.length - mostShown} more` : shown;
}
