const offsetBasis = 0x6c62272e07bb014262b821756295c58dn;
const prime = 0x0000000001000000000000000000013bn;
const mask = 2n ** 128n - 1n;

/** FNV-1a of 128 bits over the texts as UTF-8, one after the other, in 32 hexadecimal digits (the hash of static pods' uids). */
export function fnv128a(...texts: string[]): string {
  let hash = offsetBasis;
  for (const text of texts) for (const byte of Buffer.from(text)) hash = ((hash ^ BigInt(byte)) * prime) & mask;
  return hash.toString(16).padStart(32, '0');
}
