import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Pod } from '@berth/api/objects';
import { Kubelet } from '@berth/kubelet/kubelet';
import { PodTraces } from '@berth/kubelet/pod-traces';
import { ManifestSource } from '@berth/kubelet/manifest-source';
import { connect } from '@berth/sdk/connect';
import { ImageServiceService, RuntimeServiceService, VersionRequest } from '@berth/sdk/cri';
import type { Logger } from 'pino';
import { type Directories, defaultEndpoint } from '../configuration/directories.ts';
import type { NodeConfiguration } from '../configuration/node-configuration.ts';
import { type Baseline, restoreBaseline, takeBaseline } from '../host/baseline.ts';
import { writeDefaultNetwork } from './default-network.ts';
import { type CniDirectories, runtimeCommand, runtimeEntry } from './runtime-command.ts';
import { Supervisor } from './supervisor.ts';

export interface NodeOptions {
  nodeName: string;
  directories: Directories;
  configuration: NodeConfiguration;
  cni: CniDirectories;
  log: Logger;
}
