// Numbers of Linux' user-space headers, under the names that they have there (linux/rtnetlink.h, linux/if_link.h, linux/if_bridge.h,
// linux/if_addr.h, linux/netlink.h, linux/socket.h).

export const addressFamily = { AF_UNSPEC: 0, AF_INET: 2, AF_BRIDGE: 7, AF_INET6: 10, AF_NETLINK: 16 } as const;

export const messageType = {
  NLMSG_ERROR: 2,
  NLMSG_DONE: 3,
  RTM_NEWLINK: 16,
  RTM_DELLINK: 17,
  RTM_GETLINK: 18,
  RTM_SETLINK: 19,
  RTM_NEWADDR: 20,
  RTM_DELADDR: 21,
  RTM_GETADDR: 22,
  RTM_NEWROUTE: 24,
  RTM_GETROUTE: 26,
} as const;

export const messageFlag = {
  NLM_F_REQUEST: 0x1,
  NLM_F_ACK: 0x4,
  NLM_F_REPLACE: 0x100,
  NLM_F_EXCL: 0x200,
  NLM_F_CREATE: 0x400,
  NLM_F_DUMP: 0x300,
} as const;

/** Of the message that acknowledges: the error's text. */
export const NLMSGERR_ATTR_MSG = 1;

export const interfaceFlag = { IFF_UP: 0x1, IFF_PROMISC: 0x100 } as const;
export const IF_OPER_UP = 6;

export const linkAttribute = {
  IFLA_ADDRESS: 1,
  IFLA_IFNAME: 3,
  IFLA_MTU: 4,
  IFLA_LINK: 5,
  IFLA_MASTER: 10,
  IFLA_OPERSTATE: 16,
  IFLA_LINKINFO: 18,
  IFLA_AF_SPEC: 26,
  IFLA_NET_NS_FD: 28,
  IFLA_EXT_MASK: 29,
} as const;

export const linkInfo = {
  IFLA_INFO_KIND: 1,
  IFLA_INFO_DATA: 2,
  IFLA_INFO_SLAVE_KIND: 4,
  IFLA_INFO_SLAVE_DATA: 5,
} as const;

export const VETH_INFO_PEER = 1;
export const IFLA_BR_VLAN_FILTERING = 7;
export const bridgePort = { IFLA_BRPORT_MODE: 4, IFLA_BRPORT_ISOLATED: 33 } as const;

export const bridgeVlan = {
  IFLA_BRIDGE_FLAGS: 0,
  IFLA_BRIDGE_VLAN_INFO: 2,
  BRIDGE_FLAGS_MASTER: 1,
  BRIDGE_VLAN_INFO_PVID: 2,
  BRIDGE_VLAN_INFO_UNTAGGED: 4,
  RTEXT_FILTER_BRVLAN: 2,
} as const;

export const addressAttribute = { IFA_ADDRESS: 1, IFA_LOCAL: 2, IFA_BROADCAST: 4, IFA_FLAGS: 8 } as const;
export const addressFlag = { IFA_F_NODAD: 0x02, IFA_F_DADFAILED: 0x08, IFA_F_TENTATIVE: 0x40 } as const;

export const routeAttribute = {
  RTA_DST: 1,
  RTA_OIF: 4,
  RTA_GATEWAY: 5,
  RTA_PRIORITY: 6,
  RTA_METRICS: 8,
  RTA_MULTIPATH: 9,
  RTA_TABLE: 15,
} as const;
export const routeMetric = { RTAX_MTU: 2, RTAX_ADVMSS: 8 } as const;
export const RT_TABLE_UNSPEC = 0;
export const RT_TABLE_MAIN = 254;
export const RT_SCOPE_UNIVERSE = 0;
export const RT_SCOPE_LINK = 253;
export const RTPROT_BOOT = 3;
export const RTN_UNICAST = 1;

export const socket = {
  SOCK_RAW: 3,
  SOCK_CLOEXEC: 0o2000000,
  NETLINK_ROUTE: 0,
  SOL_NETLINK: 270,
  NETLINK_CAP_ACK: 10,
  NETLINK_EXT_ACK: 11,
  NETLINK_GET_STRICT_CHK: 12,
} as const;
