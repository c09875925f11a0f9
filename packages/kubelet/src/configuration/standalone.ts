import type { KubeletConfiguration } from './kubelet-configuration.ts';
import type { FieldProblem } from './validate.ts';

/** What of the two was written, with the file's own shape checked before. */
interface Given {
  authentication?: { webhook?: { enabled?: boolean } };
  authorization?: { mode?: string };
}

const noReviewer = 'an API server reviews them, and this node has none';

/**
 * What a node without an API server can't do about who uses its ports. kubelet refuses the same, and its defaults too ("no client provided,
 * cannot use webhook authentication"); here the defaults are taken as long as they let nobody in.
 */
export function webhookProblems(given: Given, configuration: KubeletConfiguration): FieldProblem[] {
  const { authentication, enableServer } = configuration;
  const mode = given.authorization?.mode;
  const letsIn = authentication.x509.clientCAFile !== '' || authentication.anonymous.enabled;
  return [
    ...(given.authentication?.webhook?.enabled === true
      ? [
          {
            path: 'authentication.webhook.enabled',
            message: `refused: it is about bearer tokens: ${noReviewer}; leave it out, or give false, and name who may ask by authentication.x509.clientCAFile`,
          },
        ]
      : []),
    ...(mode === 'Webhook' || (mode === undefined && enableServer && letsIn)
      ? [
          {
            path: 'authorization.mode',
            message: `refused: Webhook${mode === undefined ? ', the default,' : ''} is about rights: ${noReviewer}; give AlwaysAllow: whom authentication lets in may do all`,
          },
        ]
      : []),
  ];
}

/** Who may use the ports of a node without an API server: tokens and rights are reviewed by nobody. */
export function standaloneAccess(configuration: KubeletConfiguration): Pick<KubeletConfiguration, 'authentication' | 'authorization'> {
  const { authentication, authorization } = configuration;
  return {
    authentication: { ...authentication, webhook: { ...authentication.webhook, enabled: false } },
    authorization: { ...authorization, mode: 'AlwaysAllow' },
  };
}
