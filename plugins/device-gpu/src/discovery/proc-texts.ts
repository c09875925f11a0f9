/** What `/proc/driver/nvidia/gpus/BUSID/information` tells of a GPU. */
export interface GpuInformation {
  model: string;
  /** Undefined as long as nothing has used the GPU: the driver writes `?` then. */
  uuid: string | undefined;
  minor: number;
  /** Left out by the administrator (NVreg_ExcludedGpus): not to be used. */
  excluded: boolean;
}

/** Undefined where the text has no minor number, without which there is no device file. */
export function parseGpuInformation(text: string): GpuInformation | undefined {
  const fields = fieldsOf(text);
  const minor = fields.get('Device Minor') ?? '';
  if (!/^\d{1,6}$/.test(minor)) return undefined;
  const uuid = fields.get('GPU UUID') ?? '';
  const excluded = fields.get('GPU Excluded') ?? fields.get('Blacklisted') ?? 'No';
  return {
    model: fields.get('Model') ?? '',
    uuid: /^GPU-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(uuid) ? uuid : undefined,
    minor: Number(minor),
    excluded: /^yes$/i.test(excluded),
  };
}

/** The version in `/proc/driver/nvidia/version`. */
export function parseDriverVersion(text: string): string | undefined {
  return /^NVRM version:.*?\s(\d+(?:\.\d+)+)\s/m.exec(text)?.[1];
}

/** The minor number in a file `access` below `/proc/driver/nvidia/capabilities`. */
export function parseCapabilityMinor(text: string): number | undefined {
  const minor = fieldsOf(text).get('DeviceFileMinor') ?? '';
  return /^\d{1,6}$/.test(minor) ? Number(minor) : undefined;
}

function fieldsOf(text: string): Map<string, string> {
  const lines = text.split('\n').map((line) => /^([^:]+):(.*)$/.exec(line));
  return new Map(lines.flatMap((line) => (line ? [[(line[1] ?? '').trim(), (line[2] ?? '').trim()]] : [])));
}
