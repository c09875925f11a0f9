import { type ConnectOptions, connect } from '@berth/sdk/connect';
import { ImageServiceService, RuntimeServiceService } from '@berth/sdk/cri';
import type { RuntimeClient } from '../src/runtime/runtime-client.ts';

/** A timer runtime at an address, as kubelets call it. */
export function timerClient(address: string, options: ConnectOptions): RuntimeClient {
  return {
    handler: 'timer',
    runtimeHandler: '',
    runtime: connect(RuntimeServiceService, address, options),
    images: connect(ImageServiceService, address, options),
  };
}
