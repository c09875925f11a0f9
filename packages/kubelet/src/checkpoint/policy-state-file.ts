import { PluginError } from '@berth/sdk/errors';
import { z } from 'zod';
import { CheckpointFile } from './checkpoint-file.ts';

interface PolicyStateFileOptions<Content> {
  path: string;
  /** For messages: `CPU manager state`. */
  name: string;
  /** The policy that is configured; the file has to be its own. */
  policyName: string;
  content: z.ZodType<Content>;
  /** Of all but `checksum`. */
  checksumOf(policyName: string, content: Content): number;
}

const header = z.object({ policyName: z.string(), checksum: z.number() });

/** The file by which what a resource manager gave away outlives the kubelet: JSON with the policy's name and a checksum. */
export class PolicyStateFile<Content extends object> {
  readonly #options: PolicyStateFileOptions<Content>;
  readonly #file: CheckpointFile;

  constructor(options: PolicyStateFileOptions<Content>) {
    this.#options = options;
    this.#file = new CheckpointFile(options.path);
  }

  /** Undefined if there is no file. FAILED_PRECONDITION for one that is broken or of another policy. */
  load(): Content | undefined {
    const text = this.#file.read();
    if (text === undefined) return undefined;
    const { policyName, content } = this.#parse(text);
    if (policyName === this.#options.policyName) return content;
    const [configured, found] = [this.#options.policyName, policyName].map((name) => JSON.stringify(name));
    throw this.unusable(`the configured policy ${configured} differs from the file's policy ${found}`);
  }

  save(content: Content): void {
    const { policyName, checksumOf } = this.#options;
    this.#file.write(JSON.stringify({ policyName, ...content, checksum: checksumOf(policyName, content) }));
  }

  /** Why the file can't be gone on with, and what to do about it. */
  unusable(what: string, cause?: unknown): PluginError {
    return new PluginError('FAILED_PRECONDITION', what, {
      object: `${this.#options.name} ${this.#file.path}`,
      hint: 'drain this node and delete the file before starting the kubelet again: pods that still run then are assigned anew, and fail if nothing is left for them',
      cause,
    });
  }

  #parse(text: string): { policyName: string; content: Content } {
    const json = this.#json(text);
    const [head, body] = [header.safeParse(json), this.#options.content.safeParse(json)];
    if (!head.success) throw this.#corrupted(z.prettifyError(head.error));
    if (!body.success) throw this.#corrupted(z.prettifyError(body.error));
    const { policyName, checksum } = head.data;
    if (checksum !== this.#options.checksumOf(policyName, body.data)) throw this.#corrupted("the checksum isn't that of the content");
    return { policyName, content: body.data };
  }

  #json(text: string): unknown {
    try {
      return JSON.parse(text);
    } catch (thrown) {
      throw this.#corrupted("it isn't JSON", thrown);
    }
  }

  #corrupted(why: string, cause?: unknown): PluginError {
    return this.unusable(`it is corrupted: ${why.replaceAll(/\s*\n\s*/g, ' ')}`, cause);
  }
}
