import type { Container } from '@berth/api/objects';
import { type AuthConfig, PullImageRequest } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import { sandboxConfig } from '../cri/sandbox-config.ts';
import type { CredentialWarning } from '../images/image-credentials.ts';
import { fullNameOf } from '../pod.ts';
import { stableMessage } from '../stable-message.ts';
import { type ActionContext, imageSpec, sandboxSurroundings } from './action-context.ts';
import { ActionFailure } from './action-failure.ts';
import { checkImage } from './check-image.ts';

/** A pull takes what the network takes; a runtime that says nothing for this long never will. */
const longestPullMs = 60 * 60 * 1000;

/** Pulls a container's image when its turn among the node's pulls has come: the first part of its start, where the planner says so. */
export async function pullImage(context: ActionContext, container: Container, sandboxAttempt: number, signal: AbortSignal): Promise<void> {
  const { environment, events, pod } = context;
  const image = container.image ?? '';
  const quoted = JSON.stringify(image);
  const askedAt = performance.now();
  events.record(pod, 'Normal', 'Pulling', `Pulling image ${quoted}`);
  const credentials = await credentialsFor(context, image, signal);
  await environment.pullLimits.inTurn(async (waited) => {
    // Another pod may have pulled it while this one waited.
    if (waited && container.imagePullPolicy !== 'Always' && (await checkImage(context, image, signal))) {
      events.record(pod, 'Normal', 'Pulled', `Container image ${quoted} already present on machine`);
      return;
    }
    const startedAt = performance.now();
    await pullWithAny(context, image, credentials, sandboxAttempt, signal);
    const took = `${secondsSince(startedAt)}s (${secondsSince(askedAt)}s including waiting)`;
    events.record(pod, 'Normal', 'Pulled', `Successfully pulled image ${quoted} in ${took}`);
  }, signal);
}

/** What a pull has to log in with. */
interface Credentials {
  /** Undefined: anonymously. */
  logins: (AuthConfig | undefined)[];
  /** Why the node hasn't got others that it should have. */
  missing: string[];
}

/** Tells at once what the node's own providers fail to give: the pull goes on without, and may fail for that. */
async function credentialsFor({ environment, events, log, pod }: ActionContext, image: string, signal: AbortSignal): Promise<Credentials> {
  const missing: string[] = [];
  const warn = ({ reason, message, level }: CredentialWarning) => {
    log[level]({ pod: fullNameOf(pod), image, reason }, message);
    events.record(
      pod,
      'Warning',
      reason,
      stableMessage(message, () => '<id>'),
    );
    if (level === 'error') missing.push(message);
  };
  return explainPull(image, 'credentials', async () => {
    const logins = await environment.credentials.of(pod, image, signal, warn);
    return { logins: logins.length > 0 ? logins : [undefined], missing };
  });
}

/** Tries one login after the other; the error tells of each that didn't do. */
async function pullWithAny(
  context: ActionContext,
  image: string,
  { logins, missing }: Credentials,
  sandboxAttempt: number,
  signal: AbortSignal,
): Promise<void> {
  const { client, environment, pod } = context;
  await explainPull(image, `runtime ${client.handler}`, async () => {
    const config = sandboxConfig(pod, sandboxAttempt, await sandboxSurroundings(context, signal));
    const errors: PluginError[] = [];
    for (const auth of logins) {
      environment.pullLimits.takeToken();
      const request = PullImageRequest.create({ image: imageSpec(client, image), sandboxConfig: config, auth });
      try {
        await client.images.pullImage(request, { signal, deadlineMs: longestPullMs });
        return;
      } catch (thrown) {
        signal.throwIfAborted();
        errors.push(PluginError.from(thrown));
      }
    }
    throw oneOf(errors, missing);
  });
}

async function explainPull<T>(image: string, who: string, step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (thrown) {
    const cause = PluginError.from(thrown);
    throw new ActionFailure('ErrImagePull', `Failed to pull image ${JSON.stringify(image)}: ${who}: ${cause.message}`, cause);
  }
}

function oneOf(errors: PluginError[], missing: string[]): PluginError {
  const [first] = errors;
  if (first && errors.length === 1 && missing.length === 0) return first;
  const messages = [...errors.map(({ message }) => message), ...missing.map((message) => `without the logins of ${message}`)];
  return new PluginError(first?.code ?? 'INTERNAL', [...new Set(messages)].join('; '), { cause: first });
}

function secondsSince(start: number): string {
  return ((performance.now() - start) / 1000).toFixed(3);
}
