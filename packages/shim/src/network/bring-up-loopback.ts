import { atFirstUse, libc } from '@berth/sdk/libc';
import { inNetworkNamespace } from './in-network-namespace.ts';

// struct ifreq of netdevice(7): 16 bytes of name, then a union whose first member here is the flags.
const requestBytes = 40;
const nameBytes = 16;
const AF_INET = 2;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const SIOCGIFFLAGS = 0x8913;
const SIOCSIFFLAGS = 0x8914;
const IFF_UP = 1;

const calls = atFirstUse(bind);

/** Brings `lo` up in the network namespace that is pinned at a path; the kernel gives it its addresses. */
export function bringUpLoopback(namespace: string): void {
  inNetworkNamespace(namespace, () => calls().setUp('lo'));
}

function bind(): { setUp(name: string): void } {
  const { library, failed } = libc();
  const socket = library.func('int socket(int domain, int type, int protocol)');
  const ioctl = library.func('int ioctl(int descriptor, unsigned long request, void *argument)');
  const close = library.func('int close(int descriptor)');
  return {
    setUp(name) {
      const request = Buffer.alloc(requestBytes);
      request.write(name);
      const descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
      if (descriptor < 0) throw failed('socket', `interface ${name}`);
      try {
        if (ioctl(descriptor, SIOCGIFFLAGS, request) !== 0) throw failed('reading its flags', `interface ${name}`);
        request.writeInt16LE(request.readInt16LE(nameBytes) | IFF_UP, nameBytes);
        if (ioctl(descriptor, SIOCSIFFLAGS, request) !== 0) throw failed('bringing it up', `interface ${name}`);
      } finally {
        close(descriptor);
      }
    },
  };
}
