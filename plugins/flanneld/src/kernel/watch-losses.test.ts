import { expect, it } from 'vitest';
import { isLoss } from './watch-losses.ts';

it.each([
  ['Deleted 5: flannel.1: <BROADCAST,MULTICAST> mtu 1450 qdisc noop state DOWN group default', true],
  ['Deleted 7: flannel0    inet 10.5.1.0/32 scope global flannel0', true],
  ['Deleted 10.5.2.0/24 via 192.168.0.2 dev eth0 proto 85', true],
  ['Deleted 10.5.2.0 dev flannel.1 lladdr 02:00:00:00:00:02 PERMANENT', true],
  ['7: flannel0: <POINTOPOINT,MULTICAST,NOARP> mtu 1472 qdisc fq_codel state DOWN group default', true],
  ['7: flannel0: <POINTOPOINT,MULTICAST,NOARP,UP,LOWER_UP> mtu 1472 qdisc fq_codel state UNKNOWN', false],
  ['10.5.2.0/24 via 192.168.0.2 dev eth0 proto 85', false],
  ['Deleted 9: veth0@if2: <BROADCAST,MULTICAST> mtu 1500 qdisc noop state DOWN group default', false],
  ['9: veth0@if2: <BROADCAST,MULTICAST> mtu 1500 qdisc noop state DOWN group default', false],
])('of what ip monitor says, %j is a loss of ours: %j', (line, expected) => {
  expect(isLoss(line)).toBe(expected);
});
