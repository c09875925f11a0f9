/** What both sides of the API agree on beside its messages (k8s.io/kubelet, pkg/apis/deviceplugin/v1beta1/constants.go). */

/** The version of the API that this is. */
export const devicePluginVersion = 'v1beta1';

/** Directory of device plugins, unless a kubelet is told otherwise. */
export const devicePluginPath = '/var/lib/kubelet/device-plugins';

/** Name of the kubelet's own socket there. */
export const kubeletSocket = 'kubelet.sock';

/** What Device.health says; anything else counts as unhealthy. */
export const deviceHealthy = 'Healthy';
export const deviceUnhealthy = 'Unhealthy';
