/** What names a vendor, and a class of its devices. */
const part = '[A-Za-z](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?';
const kind = `${part}/${part}`;
const device = '[A-Za-z0-9](?:[A-Za-z0-9_.:-]*[A-Za-z0-9])?';

const wholeKind = new RegExp(`^${kind}$`);
const wholeDevice = new RegExp(`^${device}$`);
const wholeName = new RegExp(`^${kind}=${device}$`);

/** Whether it is the kind of a specification of the Container Device Interface, `vendor.example/class` (SPEC.md, "kind", and its pkg/parser). */
export function isCdiKind(text: string): boolean {
  return wholeKind.test(text);
}

/** Whether it names a device within a specification (SPEC.md, "devices", and its pkg/parser). */
export function isCdiDeviceName(text: string): boolean {
  return wholeDevice.test(text);
}

/** Whether it names a device in full, `vendor.example/class=name`, as containers are given it. */
export function isCdiName(text: string): boolean {
  return wholeName.test(text);
}
