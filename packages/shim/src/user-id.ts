/** (uid_t)-1, which the kernel takes for "none", is no id; the same for groups. */
const largestId = 2 ** 32 - 2;

/** Whether a text is the number of a user or group, in digits. */
export function isUserId(text: string): boolean {
  return /^\d{1,10}$/.test(text) && Number(text) <= largestId;
}
