import type { User } from '../authentication/authenticator.ts';

/** What a request asks to do, as the API's SubjectAccessReview puts it: always about this node. */
export interface Attributes {
  user: User;
  verb: 'get' | 'create' | 'update' | 'patch' | 'delete';
  apiGroup: '';
  apiVersion: 'v1';
  resource: 'nodes';
  /** `stats`, `metrics`, `log`, `checkpoint`, `pods`, `healthz`, `configz`, `statusz`, `flagz`; `proxy` for all else. */
  subresource: string;
  /** Of the node. */
  name: string;
  path: string;
}

/** Knows rights: the API server's SubjectAccessReview. Throws a PluginError where it can't tell. */
export interface AccessReviewer {
  review(attributes: Attributes, signal: AbortSignal): Promise<{ allowed: boolean; reason?: string }>;
}
