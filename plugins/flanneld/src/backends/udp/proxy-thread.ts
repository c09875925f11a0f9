import { type MessagePort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { type NextHop, NextHops } from './next-hops.ts';
import { decrementTimeToLive, destinationOf, headerBytes, networkUnreachable } from './packet.ts';
import { PollSet, socketAddress, systemCalls } from './system-calls.ts';

// Carries packets between a TUN device and a UDP socket, in a thread of its own: it waits in system calls. A message on `commands`, told by
// the event counter, sets the hosts that packets go to, or ends the thread.

/** What the thread is given. Descriptors stay its maker's, who closes them when it has ended. */
export interface ProxyWork {
  tun: number;
  socket: number;
  wake: number;
  commands: MessagePort;
  /** Of this host's end of the tunnel, which errors come from. */
  address: number;
  /** The hosts' UDP port. */
  port: number;
  /** Bytes of the largest packet. */
  mtu: number;
}

export type ProxyCommand = { hops: NextHop[] } | 'end';

/** So many packets are carried before it is looked for commands again. */
const burst = 64;

const { tun, socket, wake, commands, address, port, mtu }: ProxyWork = workerData;
const calls = systemCalls();
const packet = Buffer.allocUnsafeSlow(mtu);
const counter = Buffer.alloc(8);
let hosts = new NextHops<Uint8Array>([], () => Buffer.alloc(0));

function run(): void {
  const set = new PollSet([tun, socket, wake]);
  for (;;) {
    calls.poll(set);
    if (set.isReady(2) && !obey()) return;
    // The device was deleted: there is nothing to carry until there is another, and another thread.
    if (set.isBroken(0)) return;
    carry();
  }
}

/** Takes what both sides have. Reading one that has nothing costs less than asking which has. */
function carry(): void {
  for (let left = burst, active = true; active && left > 0; left--) {
    const sent = tunToUdp();
    const received = udpToTun();
    active = sent || received;
  }
}

function tunToUdp(): boolean {
  const length = calls.read(tun, packet);
  if (length < headerBytes) return length > 0;
  const host = hosts.find(destinationOf(packet));
  if (host === undefined) refuse(packet.subarray(0, length));
  else if (decrementTimeToLive(packet)) calls.send(socket, packet, length, host);
  return true;
}

function udpToTun(): boolean {
  const length = calls.receive(socket, packet);
  if (length < headerBytes) return length > 0;
  if (decrementTimeToLive(packet)) calls.write(tun, packet, length);
  return true;
}

function refuse(offending: Uint8Array): void {
  const error = networkUnreachable(offending, address);
  if (error) calls.write(tun, error, error.length);
}

/** False where this is to end. */
function obey(): boolean {
  calls.read(wake, counter);
  for (let received = receiveMessageOnPort(commands); received; received = receiveMessageOnPort(commands)) {
    const command: ProxyCommand = received.message;
    if (command === 'end') return false;
    hosts = new NextHops(command.hops, (host) => socketAddress(host, port));
  }
  return true;
}

run();
commands.close();
