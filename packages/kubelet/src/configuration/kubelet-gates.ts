/** Names, parted by blanks and line ends. */
function names(text: string): readonly string[] {
  return text.trim().split(/\s+/);
}

/**
 * Feature gates of kubelet as of Kubernetes 1.36 that are locked to one value, open or shut, which is all that kubelet takes; with those of the
 * libraries in it (kubernetes:pkg/features, apiserver, apiextensions-apiserver, client-go, component-base).
 */
export const lockedGates = {
  open: names(`
  APIServerTracing AggregatedDiscoveryRemoveBetaType AnonymousAuthConfigurableEndpoints AnyVolumeDataSource AuthorizeNodeWithSelectors
  AuthorizeWithSelectors BtreeWatchCache CPUManagerPolicyOptions CRDValidationRatcheting CSIServiceAccountTokenSecrets
  ConsistentListFromCache CustomResourceFieldSelectors DRAAdminAccess DeclarativeValidation DisableAllocatorDualWrite
  DisableNodeKubeProxyVersion DynamicResourceAllocation ExecProbeTimeout ExternalServiceAccountTokenSigner ImageMaximumGCAge ImageVolume
  InOrderInformers InPlacePodVerticalScaling JobBackoffLimitPerIndex JobManagedBy JobPodReplacementPolicy JobSuccessPolicy
  KubeletCgroupDriverFromCRI KubeletFineGrainedAuthz KubeletPSI KubeletPodResourcesDynamicResources KubeletPodResourcesGet
  KubeletTracing LogarithmicScaleDown MatchLabelKeysInPodAffinity MultiCIDRServiceAllocator MutableCSINodeAllocatableCount
  NFTablesProxyMode NodeInclusionPolicyInPodTopologySpread NodeLogQuery NodeSwap OrderedNamespaceDeletion PodLifecycleSleepAction
  PodLifecycleSleepActionAllowZero PodObservedGenerationTracking PodSchedulingReadiness PreferSameTrafficDistribution ProcMountType
  RecoverVolumeExpansionFailure RecursiveReadOnlyMounts RelaxedDNSSearchValidation RelaxedEnvironmentVariableValidation
  ResilientWatchCacheInitialization RetryGenerateName SELinuxChangePolicy SELinuxMountReadWriteOncePod SchedulerQueueingHints
  SeparateTaintEvictionController ServiceAccountTokenJTI ServiceAccountTokenNodeBinding ServiceAccountTokenNodeBindingValidation
  ServiceAccountTokenPodNodeInfo SidecarContainers StreamingCollectionEncodingToJSON StreamingCollectionEncodingToProtobuf
  StructuredAuthenticationConfiguration SupplementalGroupsPolicy SystemdWatchdog TopologyManagerPolicyOptions UserNamespacesSupport
  VolumeAttributesClass WinDSR WinOverlay
  `),
  shut: names(`
  AllowOverwriteTerminationGracePeriodSeconds GitRepoVolumeDriver SeparateCacheWatchRPC
  `),
};

/** Those that kubelet knows and that change nothing of a node: they are about API server, controllers, scheduler, proxy, Windows, or how a client watches. */
export const idleGates = names(`
  APIResponseCompression APIServerIdentity APIServingWithRoutine AllowDNSOnlyNodeCSR AllowInsecureKubeletCertificateSigningRequests
  AllowParsingUserUIDFromCertAuth AllowServiceExternalIPs AllowUnsafeMalformedObjectDeletion AtomicFIFO
  AuthorizePodWebsocketUpgradeCreatePermission CBORServingAndStorage CRDObservedGenerationTracking ClearingNominatedNodeNameAfterBinding
  ClientsAllowCARotation ClientsAllowCBOR ClientsAllowTLSCacheGC ClientsPreferCBOR CloudControllerManagerWatchBasedRoutesReconciliation
  CloudControllerManagerWebhook ClusterTrustBundle ConcurrentWatchObjectDecode ConstrainedImpersonation ContextualLogging
  CoordinatedLeaderElection CrossNamespaceVolumeDataSource DeclarativeValidationBeta DeclarativeValidationTakeover
  DeploymentReplicaSetTerminatingReplicas DetectCacheInconsistency GangScheduling GenericWorkload HPAConfigurableTolerance
  HPAScaleToZero InOrderInformersBatchProcess InformerResourceVersion KMSv1 KubeletRegistrationGetOnExistsOnly ListFromCacheSnapshot
  LoggingAlphaOptions LoggingBetaOptions ManifestBasedAdmissionControlConfig MatchLabelKeysInPodTopologySpread
  MatchLabelKeysInPodTopologySpreadSelectorMerge MaxUnavailableStatefulSet MutablePVNodeAffinity MutablePodResourcesForSuspendedJobs
  MutableSchedulingDirectivesForSuspendedJobs MutatingAdmissionPolicy NominatedNodeNameForExpectation OpenAPIEnums OpportunisticBatching
  PLEGOnDemandRelist PersistentVolumeClaimUnusedSinceTime PodAndContainerStatsFromCRI PodDeletionCost PodTopologyLabelsAdmission
  PortForwardWebsockets RelaxedServiceNameValidation RemoteRequestHeaderUID SchedulerAsyncAPICalls SchedulerAsyncPreemption
  SchedulerPopFromBackoffQ ServiceAccountNodeAudienceRestriction ServiceCIDRStatusFieldWiping ShardedListAndWatch
  SizeBasedListCostEstimate StaleControllerConsistencyDaemonSet StaleControllerConsistencyJob StaleControllerConsistencyReplicaSet
  StaleControllerConsistencyStatefulSet StatefulSetSemanticRevisionComparison StorageCapacityScoring StorageNamespaceIndex
  StorageVersionAPI StorageVersionHash StorageVersionMigrator StrictIPCIDRValidation StructuredAuthenticationConfigurationEgressSelector
  StructuredAuthenticationConfigurationJWKSMetrics TokenRequestServiceAccountUIDValidation TopologyAwareWorkloadScheduling
  TopologyManagerPolicyAlphaOptions TopologyManagerPolicyBetaOptions TranslateStreamCloseWebsocketRequests
  UnauthenticatedHTTP2DOSMitigation UnknownVersionInteroperabilityProxy UnlockWhileProcessingFIFO VolumeLimitScaling
  WatchCacheInitializationPostStartHook WatchList WatchListClient WindowsCPUAndMemoryAffinity WindowsGracefulNodeShutdown
  WindowsHostNetwork WorkloadAwarePreemption WorkloadWithJob
`);

/** Those of what this node does, and can't leave off. */
export const presentGates = names(`
  CPUManagerPolicyAlphaOptions CPUManagerPolicyBetaOptions ContainerCheckpoint ContainerRestartRules CustomCPUCFSQuotaPeriod
  DisableCPUQuotaWithExclusiveCPUs EnvFiles ExtendWebSocketsToKubelet GracefulNodeShutdown GracefulNodeShutdownBasedOnPodPriority
  HostnameOverride KubeletCrashLoopBackOffMax KubeletPodResourcesListUseActivePods KubeletSeparateDiskGC PodLevelResources PodLogsQuerySplitStreams
  PodReadyToStartContainersCondition ReloadKubeletClientCAFile ReloadKubeletServerCertificateFile RestartAllContainersOnContainerExits
  RuntimeClassInImageCriApi
`);

/** Those of what this node doesn't do; by what that is. */
export const absentGates: Readonly<Record<string, readonly string[]>> = {
  'dynamic resources': names(`
  DRAConsumableCapacity DRADeviceBindingConditions DRADeviceTaintRules DRADeviceTaints DRAExtendedResource DRAListTypeAttributes
  DRANodeAllocatableResources DRAPartitionableDevices DRAPrioritizedList DRAResourceClaimDeviceStatus
  DRAResourceClaimGranularStatusAuthorization DRAResourcePoolStatus DRASchedulerFilterTimeout DRAWorkloadResourceClaims
  `),
  'health of devices in the status of pods': ['ResourceHealthStatus', 'ResourceHealthStatusMessage'],
  'states of containers that change with a restart of the kubelet': ['ChangeContainerStatusOnKubeletRestart'],
  'volumes of cluster trust bundles': ['ClusterTrustBundleProjection'],
  'volumes of pod certificates': ['PodCertificateRequest'],
  '/flagz': ['ComponentFlagz'],
  '/statusz': ['ComponentStatusz'],
  'lifecycle.stopSignal of containers': ['ContainerStopSignals'],
  'lists of runtimes as streams': ['CRIListStreaming'],
  'CSI volumes': ['CSIVolumeHealth', 'SELinuxMount'],
  'digests of image volumes in the status of pods': ['ImageVolumeWithDigest'],
  'changes of the resources of a whole pod in place': ['InPlacePodLevelResourcesVerticalScaling'],
  'changes of the resources of running init containers that are no sidecars': ['InPlacePodVerticalScalingInitContainers'],
  'changes of CPUs and memory that a static policy has handed out': [
    'InPlacePodVerticalScalingExclusiveCPUs',
    'InPlacePodVerticalScalingExclusiveMemory',
  ],
  'proofs that a pod may use an image that is present': ['KubeletEnsureSecretPulledImages'],
  'a kubelet in a user namespace': ['KubeletInUserNamespace'],
  'the API of pods': ['PodsAPI'],
  'tokens of service accounts for credential providers': ['KubeletServiceAccountTokenForCredentialProviders'],
  'file system quotas to measure ephemeral storage': ['LocalStorageCapacityIsolationFSQuotaMonitoring'],
  'memory.min, memory.low and memory.high of pods': ['MemoryQoS'],
  'native histograms': ['NativeHistograms'],
  'declared features in the status of the node': ['NodeDeclaredFeatures'],
  'exclusive CPUs and memory for pods as a whole': ['PodLevelResourceManagers'],
  'a ban on static pods that refer to objects (berth kubelet --objects gives them)': ['PreventStaticPodAPIReferences'],
  'server certificates that an API server signs': ['RotateKubeletServerCertificate'],
  'tolerations by Lt and Gt': ['TaintTolerationComparisonOperators'],
  'pods with hostNetwork in a user namespace of their own': ['UserNamespacesHostNetworkSupport'],
};
