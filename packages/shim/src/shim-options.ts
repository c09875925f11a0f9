import type { CertificateFiles } from './streaming/serving-certificate.ts';

/** What a runtime plugin's command line gives it, besides its own flags. */
export interface ShimOptions {
  /** `unix:///PATH` or `HOST:PORT`. */
  listen: string;
  /** `ROOT`: images are in ROOT/images, this runtime's objects in ROOT/runtimes/HANDLER. */
  root: string;
  /** `RUN`: namespace pins, mounts, call records. */
  run: string;
  handler: string;
  cniConfDir: string;
  cniBinDirs: string[];
  /** Directories of HOST/hosts.toml, with ":" between them; default /etc/berth/certs.d. */
  registryConfigPath?: string;
  /** `HOST:PORT` of the streaming server; default any free port of 127.0.0.1. One that isn't on loopback needs `streamingTls`. */
  streamingAddress?: string;
  /** The streaming server's certificate and private key; with them it serves HTTPS. */
  streamingTls?: CertificateFiles;
}
