import { expectEqual, expectTrue } from '../../expect.ts';
import { basicOf } from '../../registry/token-server.ts';
import type { Case } from '../../suite.ts';
import type { PublishedImage } from '../image-publisher.ts';
import type { AuthConfig } from '../messages.ts';
import { ownImages } from '../needs.ts';
import { expectPullFails, withCopyElsewhere, withPulled } from '../pulling.ts';
import type { CriTarget } from '../target.ts';
import { privateCredentials } from '../test-images.ts';

const { username, password } = privateCredentials;
const encoded = Buffer.from(`${username}:${password}`).toString('base64');

/** How a registry is shown who pulls. */
export const imageAuthCases: Case<CriTarget>[] = [
  {
    id: 'image.anonymous-token',
    group: 'image',
    clause: 'a token that everybody gets is fetched without credentials (distribution, spec/auth/token)',
    proves: ['PullImage'],
    needs: [ownImages],
    async run(target) {
      const image = await target.publisher.publish({ bare: true, access: { token: {} } });
      await withPulled(target, image, async () => expectTrue(showedToken(image), 'no request had a token'));
    },
  },
  {
    id: 'image.token-credentials',
    group: 'image',
    clause: 'the token server is shown the credentials, the registry only the token (distribution, spec/auth/token)',
    proves: ['PullImageRequest.auth', 'AuthConfig.username', 'AuthConfig.password', 'AuthConfig.auth'],
    needs: [ownImages],
    async run(target) {
      const image = await target.publisher.publish({ bare: true, access: { token: { credentials: privateCredentials } } });
      await expectPullFails(target, image, 'an image behind a token, without credentials');
      await expectPullFails(target, image, 'an image behind a token, with a wrong password', { username, password: 'wrong' });
      for (const auth of [{ username, password }, { auth: encoded }])
        await withPulled(target, image, async () => expectTrue(showedToken(image), 'no request had a token'), { auth });
    },
  },
  {
    id: 'image.identity-token',
    group: 'image',
    clause: 'an identity token is exchanged for a bearer token (cri.proto, AuthConfig.identity_token; distribution, spec/auth/oauth)',
    proves: ['AuthConfig.identity_token'],
    needs: [ownImages],
    async run(target) {
      const identityToken = crypto.randomUUID();
      const image = await target.publisher.publish({ bare: true, access: { token: { identityToken } } });
      await expectPullFails(target, image, 'an image behind a token, with another identity token', { identityToken: 'other' });
      await withPulled(target, image, async () => expectTrue(!showed(image, identityToken), 'the registry was shown the identity token'), {
        auth: { identityToken },
      });
    },
  },
  {
    id: 'image.registry-token',
    group: 'image',
    clause: 'a registry token is shown to the registry as it is (cri.proto, AuthConfig.registry_token)',
    proves: ['AuthConfig.registry_token'],
    needs: [ownImages],
    async run(target) {
      const registryToken = crypto.randomUUID();
      const image = await target.publisher.publish({ bare: true, access: { token: { registryToken } } });
      await withPulled(target, image, async () => undefined, { auth: { registryToken } });
    },
  },
  {
    id: 'image.server-address',
    group: 'image',
    clause: 'credentials go to the registry that server_address names, and to no other (cri.proto, AuthConfig.server_address)',
    proves: ['AuthConfig.server_address'],
    needs: [ownImages],
    async run(target) {
      const image = await target.publisher.publish({ bare: true, access: { credentials: privateCredentials } });
      const foreign: AuthConfig = { username, password, serverAddress: 'http://registry.invalid' };
      await expectPullFails(target, image, 'a private image, with credentials for another registry', foreign);
      expectTrue(!showed(image, encoded), "the registry was shown another one's credentials");
      await withPulled(target, image, async () => undefined, {
        auth: { username, password, serverAddress: `http://${target.publisher.host}` },
      });
    },
  },
  {
    id: 'image.credentials-kept-back',
    group: 'image',
    clause: 'a host that the registry redirects blobs to is not shown the credentials for the registry (RFC 9110, 15.4; AuthConfig)',
    proves: ['PullImageRequest.auth'],
    needs: [ownImages],
    async run(target) {
      const image = await target.publisher.publish({ bare: true, access: { credentials: privateCredentials } });
      await withCopyElsewhere(image, async (elsewhere, host) => {
        image.repository.faults = { redirect: (path) => `http://${host}${path}` };
        await withPulled(target, image, async () => undefined, { auth: { username, password } });
        expectTrue(elsewhere.received.length > 0, 'nothing was fetched from the host that the registry redirects to');
        const shown = elsewhere.received.filter(({ authorization }) => authorization !== undefined);
        expectEqual(shown.length, 0, 'requests to that host with credentials');
      });
    },
  },
  {
    id: 'image.credentials-not-kept',
    group: 'image',
    clause: 'credentials hold for the pull that they come with: the next one without them is refused (cri.proto, PullImageRequest.auth)',
    proves: ['PullImageRequest.auth'],
    needs: [ownImages],
    async run(target) {
      const image = await target.publisher.publish({ bare: true, access: { credentials: privateCredentials } });
      await withPulled(target, image, async () => undefined, { auth: { username, password } });
      await expectPullFails(target, image, 'a private image without credentials, after a pull with them');
    },
  },
];

function showedToken({ repository }: PublishedImage): boolean {
  const shown = repository.received.map(({ authorization }) => authorization);
  return shown.some((one) => one?.startsWith('Bearer ')) && !shown.includes(basicOf(privateCredentials));
}

/** Whether the registry itself was sent this secret. */
function showed({ repository }: PublishedImage, secret: string): boolean {
  return repository.received.some(({ authorization }) => authorization?.includes(secret));
}
