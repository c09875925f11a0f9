import type { IncomingMessage } from 'node:http';

/** Who makes a request. */
export interface User {
  name: string;
  uid?: string;
  groups: string[];
}

/** What a token is worth, as the API's TokenReview tells it. */
export interface TokenReview {
  authenticated: boolean;
  user?: User;
}

/** Knows tokens: the API server's TokenReview. Throws a PluginError where it can't tell. */
export interface TokenReviewer {
  review(token: string, signal: AbortSignal): Promise<TokenReview>;
}

/**
 * One way to tell who makes a request. Undefined: the request shows nothing of this kind, so that another way is asked. Throws
 * UNAUTHENTICATED for what is shown and isn't good.
 */
export interface Authenticator {
  authenticate(request: IncomingMessage, signal: AbortSignal): Promise<User | undefined>;
}

/** The group of all whom an authenticator knows. */
export const authenticatedGroup = 'system:authenticated';

/** Who shows nothing, where that is allowed. */
export const anonymousUser: User = { name: 'system:anonymous', groups: ['system:unauthenticated'] };
