import { PluginError } from '../errors.ts';
import { quoted } from '../quoted.ts';

/**
 * The highest of the versions of CSI that a driver says it speaks, as far as a kubelet takes them: 1.x (kubernetes:pkg/volume/csi/csi_plugin.go,
 * highestSupportedVersion). INVALID_ARGUMENT where there is none.
 */
export function highestCsiVersion(driver: string, versions: readonly string[]): string {
  const known = versions.filter((version) => /^v?1(\.\d+)*$/.test(version));
  const [highest] = known.toSorted((a, b) => b.localeCompare(a, 'en', { numeric: true }));
  if (highest !== undefined) return highest;
  throw new PluginError('INVALID_ARGUMENT', `it speaks ${quoted(versions)}, and kubelets speak CSI 1.x`, {
    object: `CSI driver ${quoted(driver)}`,
    hint: 'answer GetInfo with the supported_versions 1.0.0',
  });
}
