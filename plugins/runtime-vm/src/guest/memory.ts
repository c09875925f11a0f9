/**
 * What agent, OCI runtime and initial root file system take of a guest's memory, which its containers can't have: 86 MiB were seen,
 * of which 36 are the agent's program.
 */
export const reservedBytes = 96 * 1024 * 1024;
