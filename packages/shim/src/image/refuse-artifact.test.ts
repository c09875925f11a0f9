import { expect, it } from 'vitest';
import { refuseArtifact } from './refuse-artifact.ts';

const digest = `sha256:${'a'.repeat(64)}`;

function refuse(configType: string, layerType: string): void {
  const config = { mediaType: configType, digest, size: 1 };
  const layers = [{ mediaType: layerType, digest, size: 1 }];
  refuseArtifact({ kind: 'manifest', mediaType: 'application/vnd.oci.image.manifest.v1+json', config, layers }, 'image x');
}

it.each([
  ['application/vnd.oci.image.config.v1+json', 'application/vnd.oci.image.layer.v1.tar+zstd'],
  ['application/vnd.oci.image.config.v1+json', 'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip'],
  ['application/vnd.docker.container.image.v1+json', 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip'],
  ['', ''],
])('takes an image with a configuration %j and layers %j', (configType, layerType) => {
  expect(() => refuse(configType, layerType)).not.toThrow();
});

it('says what an artifact is', () => {
  expect(() => refuse('application/vnd.cncf.helm.config.v1+json', 'application/vnd.cncf.helm.chart.content.v1.tar+gzip')).toThrow(
    'image x: it is no container image, but an artifact of type "application/vnd.cncf.helm.config.v1+json"; give the name of an image',
  );
});

it('says that layers are encrypted', () => {
  expect(() => refuse('application/vnd.oci.image.config.v1+json', 'application/vnd.oci.image.layer.v1.tar+gzip+encrypted')).toThrow(
    'image x: its layers are encrypted; push the image without encryption',
  );
});
