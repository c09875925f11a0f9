/** A failure of set-up that its message explains to the user: what, why, and what to do. */
export class SetupError extends Error {}
