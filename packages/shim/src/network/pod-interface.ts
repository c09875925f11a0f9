/** The name of a pod's interface in its network namespace. */
export const podInterface = 'eth0';
