/** The rules of this host's firewall that its pods need. The methods run one at a time. */
export interface Firewall {
  /** Makes the rules be there, in their order; called over and over. */
  ensure(): Promise<void>;

  /** At the daemon's end: takes away what must not stay. */
  close(): Promise<void>;
}
