// What a minor no longer knows, and stops a component that is still told so. Gates: those that are
// named in the sources of one minor and in none of the next (1.28.15, 1.29.15, 1.30.14, 1.31.4,
// 1.32.5, 1.33.13); flags: the same, and the release notes from 1.33 on.

import type { ToldComponent } from '../machine-observation';

export interface RemovedOptions {
  readonly gates: readonly string[];
  readonly flags: Readonly<Partial<Record<ToldComponent, readonly string[]>>>;
  readonly plugins: readonly string[];
}

/** The newest minor whose gates were looked into. */
export const newestGatesMinor = '1.33';

export const removedOptions: Readonly<Record<string, RemovedOptions>> = {
  '1.29': {
    gates: [
      'CSIMigrationvSphere',
      'CronJobTimeZone',
      'DownwardAPIHugePages',
      'GRPCContainerProbe',
      'JobMutableNodeSchedulingDirectives',
      'JobTrackingWithFinalizers',
      'LegacyServiceAccountTokenNoAutoGeneration',
      'MultiCIDRRangeAllocator',
      'OpenAPIV3',
      'ProbeTerminationGracePeriod',
      'RetroactiveDefaultStorageClass',
      'SeccompDefault',
      'TopologyManager',
    ],
    flags: {},
    plugins: [],
  },
  '1.30': {
    gates: [
      'APISelfSubjectReview',
      'CSIMigrationAzureFile',
      'ExpandedDNSConfig',
      'ExperimentalHostUserNamespaceDefaulting',
      'IPTablesOwnershipCleanup',
      'KubeletPodResources',
      'KubeletPodResourcesGetAllocatable',
      'LegacyServiceAccountTokenTracking',
      'MinimizeIPTablesRestore',
      'ProxyTerminatingEndpoints',
      'RemoveSelfLink',
      'SecurityContextDeny',
    ],
    flags: {},
    plugins: ['SecurityContextDeny'],
  },
  '1.31': {
    gates: [
      'APIPriorityAndFairness',
      'CSIMigrationRBD',
      'CSINodeExpandSecret',
      'ConsistentHTTPGetHandlers',
      'CustomResourceValidationExpressions',
      'DefaultHostNetworkHostPortsInPodTemplates',
      'InTreePluginAWSUnregister',
      'InTreePluginAzureDiskUnregister',
      'InTreePluginAzureFileUnregister',
      'InTreePluginGCEUnregister',
      'InTreePluginOpenStackUnregister',
      'InTreePluginRBDUnregister',
      'InTreePluginvSphereUnregister',
      'JobReadyPods',
      'ReadWriteOncePod',
      'ServiceNodePortStaticSubrange',
      'SkipReadOnlyValidationGCE',
    ],
    flags: {
      kubelet: ['iptables-drop-bit', 'iptables-masquerade-bit', 'keep-terminated-pod-volumes'],
      'kube-controller-manager': [
        'horizontal-pod-autoscaler-downscale-delay',
        'horizontal-pod-autoscaler-upscale-delay',
        'volume-host-allow-local-loopback',
        'volume-host-cidr-denylist',
      ],
    },
    plugins: ['PersistentVolumeLabel'],
  },
  '1.32': {
    gates: [
      'CloudDualStackNodeIPs',
      'DRAControlPlaneController',
      'HPAContainerMetrics',
      'KMSv2',
      'KMSv2KDF',
      'LegacyServiceAccountTokenCleanUp',
      'MinDomainsInPodTopologySpread',
      'NewVolumeManagerReconstruction',
      'NodeOutOfServiceVolumeDetach',
      'PodHostIPs',
      'ServerSideApply',
      'ServerSideFieldValidation',
      'StableLoadBalancerNodeSet',
      'ValidatingAdmissionPolicy',
      'ZeroLimitedNominalConcurrencyShares',
    ],
    flags: {},
    plugins: [],
  },
  '1.33': {
    gates: [
      'APIListChunking',
      'AdmissionWebhookMatchConditions',
      'AggregatedDiscoveryEndpoint',
      'AppArmor',
      'AppArmorFields',
      'CPUManager',
      'DisableCloudProviders',
      'DisableKubeletCloudCredentialProviders',
      'EfficientWatchResumption',
      'JobPodFailurePolicy',
      'KubeProxyDrainingTerminatingNodes',
      'PDBUnhealthyPodEvictionPolicy',
      'PersistentVolumeLastPhaseTransitionTime',
      'RemainingItemCount',
      'VolumeCapacityPriority',
      'WatchBookmark',
    ],
    flags: { 'kube-apiserver': ['cloud-config', 'cloud-provider'] },
    plugins: [],
  },
  '1.34': { gates: [], flags: { kubelet: ['cloud-config'] }, plugins: [] },
  '1.35': { gates: [], flags: { kubelet: ['pod-infra-container-image'] }, plugins: [] },
};
