// Builds the image that the examples use, localhost/busybox:1, as an OCI archive: no registry is needed to try them.
// usage: node --conditions=berth-source examples/build-image.ts BUSYBOX OUT.tar   (BUSYBOX is a static busybox binary)
import { busyboxImage } from '@berth/conformance/image-builder';

const [busybox, out] = process.argv.slice(2);
if (!busybox || !out) throw new Error('usage: build-image.ts BUSYBOX OUT.tar');
await busyboxImage({ busybox, output: out });
