import type { MockKubeletEvent } from '@berth/sdk/mock-kubelet';
import { escaped, shortened } from '@berth/sdk/quoted';
import picocolors from 'picocolors';

const marks: Partial<Record<MockKubeletEvent['event'], string>> = {
  'plugin-gone': picocolors.yellow('gone '),
  problem: picocolors.yellow('problem '),
  refused: picocolors.red('refused '),
};

/** An event in one line, for people. */
export function eventLine(event: MockKubeletEvent): string {
  return `${marks[event.event] ?? ''}${escaped(textOf(event))}`;
}

function textOf(event: MockKubeletEvent): string {
  switch (event.event) {
    case 'started':
      return `started: device plugins register at ${event.registrationSocket}, CSI drivers by sockets in ${event.registryDirectory}`;
    case 'stopped':
      return 'stopped';
    case 'registered':
      return `${event.resource} registered, at ${event.socket}${asksFor(event.options)}`;
    case 'devices':
      return devicesText(event);
    case 'driver-registered':
      return `CSI driver ${event.driver.name} registered, at ${event.driver.endpoint}, as node ${event.driver.node.id}`;
    case 'driver-gone':
      return `CSI driver ${event.driver} has gone`;
    default:
      return event.message;
  }
}

type EventOf<Name> = Extract<MockKubeletEvent, { event: Name }>;

function asksFor({ preStartRequired, getPreferredAllocationAvailable }: EventOf<'registered'>['options']): string {
  const calls = [
    ...(preStartRequired ? ['PreStartContainer'] : []),
    ...(getPreferredAllocationAvailable ? ['GetPreferredAllocation'] : []),
  ];
  return calls.length > 0 ? `; asks for ${calls.join(' and ')}` : '';
}

function devicesText({ resource, devices, came, went, recovered, failed }: EventOf<'devices'>): string {
  const healthy = devices.filter((device) => device.healthy).length;
  const changes = Object.entries({ came, went, 'healthy again': recovered, unhealthy: failed });
  const told = changes.filter(([, ids]) => ids.length > 0).map(([change, ids]) => `${change}: ${someOf(ids)}`);
  return [`${resource}: ${healthy} of ${devices.length} healthy`, ...told].join('; ');
}

const mostShown = 16;

function someOf(ids: readonly string[]): string {
  const more = ids.length > mostShown ? ` and ${ids.length - mostShown} more` : '';
  return `${ids.slice(0, mostShown).map(shortened).join(' ')}${more}`;
}
