/** The two numbers of a device file. */
export interface DeviceNumbers {
  major: number;
  minor: number;
}

/** glibc's and musl's makedev(3): 12 low bits of the major and 8 of the minor number in the first word, the rest above. */
export function joinDeviceNumber({ major, minor }: DeviceNumbers): bigint {
  const [high, low] = [BigInt(major), BigInt(minor)];
  return ((high & 0xfffn) << 8n) | (low & 0xffn) | ((low & ~0xffn) << 12n) | ((high & ~0xfffn) << 32n);
}

/** The reverse of it: the major and minor of a device number, as stat(2) gives it. */
export function splitDeviceNumber(device: number | bigint): DeviceNumbers {
  const number = BigInt(device);
  return {
    major: Number(((number >> 8n) & 0xfffn) | ((number >> 32n) & 0xfffff000n)),
    minor: Number((number & 0xffn) | ((number >> 12n) & 0xffffff00n)),
  };
}
