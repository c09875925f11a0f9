import { ContainerEventType } from '@berth/sdk/cri';
import { type Mutant, notFound, telling } from './mutant.ts';

const hour = 3_600_000_000_000n;

/** Rules about what is told: lists and filters, statistics, events, images. */
export const queryMutants: Mutant[] = [
  {
    breaks: 'tells another image than the one that runs',
    caughtBy: 'image.of-container',
    saying: 'image sha256:0000',
    mutation: telling((status) => ({ ...status, imageRef: `sha256:${'0'.repeat(64)}`, imageId: `sha256:${'0'.repeat(64)}` })),
  },
  {
    breaks: 'tells creation times by the hour',
    caughtBy: 'filter.created-order',
    saying: 'the first was made at',
    mutation: telling((status) => ({ ...status, createdAt: (status.createdAt / hour) * hour })),
  },
  {
    breaks: 'ignores that a filter may hold the beginning of an id',
    caughtBy: 'filter.container-prefix',
    saying: 'containers of that beginning',
    mutation: ({ runtime }) => ({
      runtime: {
        async listContainers(request) {
          const { containers } = await runtime.listContainers(request);
          const id = request.filter?.id ?? '';
          return { containers: containers.filter((container) => id === '' || container.id === id) };
        },
      },
    }),
  },
  {
    breaks: 'ignores the state in a filter',
    caughtBy: 'filter.container-state',
    saying: 'CONTAINER_CREATED,CONTAINER_RUNNING',
    mutation: ({ runtime }) => ({
      runtime: {
        listContainers: (request) => runtime.listContainers({ filter: request.filter && { ...request.filter, state: undefined } }),
      },
    }),
  },
  {
    breaks: 'ignores labels in a filter',
    caughtBy: 'filter.labels-all',
    saying: 'sandboxes with {"example.com/app":"web","tier":"back"}: expected 0, got 1',
    mutation: ({ runtime }) => ({
      runtime: {
        listPodSandbox: (request) => runtime.listPodSandbox({ filter: request.filter && { ...request.filter, labelSelector: {} } }),
      },
    }),
  },
  {
    breaks: 'tells nobody that a container was started',
    caughtBy: 'event.life-cycle',
    saying: 'events of the container',
    mutation: ({ runtime }) => ({
      runtime: {
        async *getContainerEvents(request, { signal }) {
          for await (const event of runtime.getContainerEvents(request, { signal }))
            if (event.containerEventType !== ContainerEventType.CONTAINER_STARTED_EVENT) yield event;
        },
      },
    }),
  },
  {
    breaks: 'streams an image twice',
    caughtBy: 'image.stream',
    saying: 'ids: expected',
    mutation: ({ images }) => ({
      images: {
        async *streamImages(request, { signal }) {
          for await (const message of images.streamImages(request, { signal })) yield* [message, message];
        },
      },
    }),
  },
  {
    breaks: 'answers for an absent image with an error',
    caughtBy: 'image.status-absent',
    saying: 'there is none',
    mutation: ({ images }) => ({
      images: {
        async imageStatus(request) {
          const response = await images.imageStatus(request);
          if (!response.image) throw notFound(request.image?.image ?? '');
          return response;
        },
      },
    }),
  },
];
