import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PlainPlugin } from '../device-plugin/plain-plugin.mjs';
import type { DeviceMutant } from './mutant.ts';

/** Rules about registration, and about kubelets that begin anew. */
export const registrationMutants: DeviceMutant[] = [
  {
    breaks: 'registers with an older version of the API',
    caughtBy: 'registration.version',
    saying: 'version: expected "v1beta1", got "v1alpha"',
    Plugin: class extends PlainPlugin {
      override version = 'v1alpha';
    },
  },
  {
    breaks: 'registers the whole path of its socket',
    caughtBy: 'registration.endpoint',
    saying: 'endpoint is "/',
    Plugin: class extends PlainPlugin {
      override async register() {
        const endpoint = this.endpoint;
        this.endpoint = join(this.directory, endpoint);
        const registered = super.register();
        this.endpoint = endpoint;
        return registered;
      }
    },
  },
  {
    breaks: 'registers before it serves',
    caughtBy: 'registration.serves',
    saying: 'does not serve',
    Plugin: class extends PlainPlugin {
      override async serve() {
        await super.register();
        await super.serve();
      }
      override async register() {}
    },
  },
  {
    breaks: 'has a resource that is no extended one',
    caughtBy: 'registration.resource-name',
    saying: '"gpu" is not that of an extended resource',
    Plugin: class extends PlainPlugin {
      override resource = 'gpu';
    },
  },
  {
    breaks: 'registers with other options than it answers',
    caughtBy: 'registration.options',
    saying: 'options in Register, and those of GetDevicePluginOptions',
    Plugin: class extends PlainPlugin {
      override async register() {
        const options = this.options;
        this.options = { ...options, pre_start_required: false };
        const registered = super.register();
        this.options = options;
        return registered;
      }
    },
  },
  {
    breaks: 'registers again and again',
    caughtBy: 'registration.once',
    saying: 'registered more than once',
    Plugin: class extends PlainPlugin {
      override async look() {
        await super.look();
        if (this.known !== undefined) await this.register().catch(() => undefined);
      }
    },
  },
  {
    breaks: 'has one endpoint for two resources',
    caughtBy: 'registration.resources-apart',
    saying: 'endpoints of several resources: plain.sock',
    resource: 'plain.example/null',
    Plugin: class extends PlainPlugin {
      override async register() {
        await super.register();
        const resource = this.resource;
        this.resource = 'plain.example/other';
        const registered = super.register();
        this.resource = resource;
        return registered;
      }
    },
  },
  {
    breaks: 'registers once in its life',
    caughtBy: 'restart.registers-again',
    saying: 'was not registered within',
    Plugin: class extends PlainPlugin {
      override async look() {
        if (this.known === undefined) await super.look();
      }
    },
  },
  {
    breaks: 'ends when the kubelet begins anew',
    caughtBy: 'restart.itself',
    saying: 'it ended when the kubelet began anew',
    Plugin: class extends PlainPlugin {
      override async register() {
        if (this.known !== undefined) process.exit(1);
        return super.register();
      }
    },
  },
  {
    breaks: 'gives up a kubelet that is gone for a second',
    caughtBy: 'restart.gone',
    saying: 'was not registered within',
    Plugin: class extends PlainPlugin {
      left = 10;
      override async look() {
        if (this.known !== undefined && !this.hasKubelet()) this.left--;
        if (this.left > 0) await super.look();
      }
    },
  },
  {
    breaks: 'gives devices other ids when it registers again',
    caughtBy: 'restart.first-list',
    saying: 'ids that the next kubelet is told',
    Plugin: class extends PlainPlugin {
      registrations = 0;
      override async register() {
        this.registrations++;
        return super.register();
      }
      override devices() {
        return super.devices().map((device) => ({ ...device, ID: `${device.ID}-${this.registrations}` }));
      }
    },
  },
  {
    breaks: 'takes no kubelet after one that has refused it',
    caughtBy: 'restart.refused',
    saying: 'was not registered within',
    Plugin: class extends PlainPlugin {
      refused = false;
      override async look() {
        if (this.refused) return;
        await super.look();
        this.refused = this.hasKubelet() && this.known === undefined;
      }
    },
  },
  {
    breaks: 'waits for an answer to Register as long as it lives',
    caughtBy: 'restart.register-hangs',
    saying: 'was not registered within',
    Plugin: class extends PlainPlugin {
      override async register() {
        await super.register().catch(() => sleep(60_000));
      }
    },
  },
  {
    breaks: 'looks for a kubelet when it starts, and never again',
    caughtBy: 'start.before-kubelet',
    saying: 'was not registered within',
    Plugin: class extends PlainPlugin {
      looked = false;
      override async look() {
        if (!this.looked || this.known !== undefined) await super.look();
        this.looked = true;
      }
    },
  },
  {
    breaks: 'can not serve where a socket of its own is left',
    caughtBy: 'start.dead-own-socket',
    saying: 'was not registered within',
    Plugin: class extends PlainPlugin {
      override removeSocket() {}
    },
  },
  {
    breaks: 'gives devices other ids each time that it is started',
    caughtBy: 'start.same-ids',
    saying: 'ids after a restart of the plugin',
    Plugin: class extends PlainPlugin {
      override devices() {
        return super.devices().map((device) => ({ ...device, ID: `${device.ID}-${process.pid}` }));
      }
    },
  },
];
