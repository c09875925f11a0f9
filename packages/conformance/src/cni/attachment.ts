import { type CallChange, type NetworkParts, PluginCaller, succeeded } from './plugin-caller.ts';
import { type CniResult, isAtLeast, parseObject } from './results.ts';

export interface AttachmentParts extends NetworkParts {
  containerId: string;
  netns: string;
  ifName: string;
  /** What the plugins before this one in the chain have made. */
  prevResult: CniResult | undefined;
}

const onAttachments = ['ADD', 'DEL', 'CHECK'];

/** A container that is, or will be, attached to a network by the plugin under test. */
export class Attachment extends PluginCaller<AttachmentParts> {
  /** Of the last ADD that succeeded. */
  result: CniResult | undefined;

  get netns(): string {
    return this.parts.netns;
  }

  get ifName(): string {
    return this.parts.ifName;
  }

  /** The same attachment with other parts. */
  with(change: Partial<AttachmentParts>): Attachment {
    const other = new Attachment(this.executed, this.host, { ...this.parts, ...change });
    other.result = this.result;
    return other;
  }

  async add(change?: CallChange): Promise<CniResult> {
    const { stdout } = succeeded('ADD', await this.call('ADD', change));
    this.result = parseObject(stdout, 'standard output of ADD') as CniResult;
    return this.result;
  }

  async del(change?: CallChange): Promise<void> {
    succeeded('DEL', await this.call('DEL', change));
  }

  async check(change?: CallChange): Promise<void> {
    succeeded('CHECK', await this.call('CHECK', change));
  }

  /** Says that of this network only these attachments are in use. */
  async gc(valid: Attachment[], { config, ...change }: CallChange = {}): Promise<void> {
    succeeded('GC', await this.call('GC', { ...change, config: { ...validAttachments(valid), ...config } }));
  }

  override configuration(verb: string): Record<string, unknown> {
    const { cniVersion, prevResult: before } = this.parts;
    const later = verb !== 'ADD' && this.result && isAtLeast(cniVersion, '0.4.0');
    const prevResult = onAttachments.includes(verb) ? (later ? this.result : before) : undefined;
    return { ...super.configuration(verb), ...(prevResult && { prevResult }) };
  }

  protected override environment(verb: string): Record<string, string> {
    const { containerId, netns, ifName } = this.parts;
    const own = { CNI_CONTAINERID: containerId, CNI_NETNS: netns, CNI_IFNAME: ifName };
    return { ...super.environment(verb), ...(onAttachments.includes(verb) && own) };
  }
}

/** The change of its configuration for a second interface, which can't have the default route that the first one has. */
export function withoutRoutes({ parts: { config } }: Attachment): Record<string, unknown> {
  return { ipam: { ...(config.ipam as object), routes: undefined } };
}

/** libcni writes the list under both names: specification and plugins have had one each. */
function validAttachments(attachments: Attachment[]): Record<string, unknown> {
  const list = attachments.map(({ parts: { containerId, ifName } }) => ({ containerID: containerId, ifname: ifName }));
  return { 'cni.dev/valid-attachments': list, 'cni.dev/attachments': list };
}
