import { allOf, carryOn, type Handlers } from './handler.ts';

/** Calls about the caller's own address space; a file in it is one of its descriptors. The kernel carries them out. */
export const memoryCalls: Handlers = allOf(
  `brk mmap munmap mprotect mremap madvise msync mincore mlock mlock2 munlock mlockall munlockall membarrier
   pkey_alloc pkey_free pkey_mprotect`,
  carryOn,
);
