// The cluster on the machines, as kubeadm makes it: init on the first, join on the others.

import { stringify } from 'yaml';

import { type Machine, type MachinesFile, network } from './machines-file';
import { apiPort } from './gate';
import { externalEtcd } from './etcd-units';
import { podNetwork } from './machine-files';

const apiVersion = 'kubeadm.k8s.io/v1beta3';

/** 1.28 built with Go 1.26: it takes the subnet for a host name (HTTPProxyCIDR). */
const ignoredPreflight = ['HTTPProxyCIDR'];

export const configFile = '/etc/kubernetes/ascent-kubeadm.yaml';
export const adminKubeconfig = '/etc/kubernetes/admin.conf';

/** Where the serving certificates of controller-manager and scheduler lie (certificates.ts). */
export const servingDirectory = '/etc/kubernetes/pki/serving';

function documents(...all: readonly object[]): string {
  return all.map((each) => stringify(each)).join('---\n');
}

function registration({ name }: Machine): object {
  return {
    name,
    criSocket: 'unix:///run/containerd/containerd.sock',
    // There is no registry: an image that is not on the machine is an error at once.
    imagePullPolicy: 'Never',
    ignorePreflightErrors: ignoredPreflight,
  };
}

/** Seen from other machines, with a certificate of the cluster's own CA. */
function component(name: string): object {
  return {
    extraArgs: {
      'bind-address': '0.0.0.0',
      'tls-cert-file': `${servingDirectory}/${name}.crt`,
      'tls-private-key-file': `${servingDirectory}/${name}.key`,
    },
    extraVolumes: [
      { name: 'serving', hostPath: servingDirectory, mountPath: servingDirectory, readOnly: true },
    ],
  };
}

const kubeletConfiguration = {
  apiVersion: 'kubelet.config.k8s.io/v1beta1',
  kind: 'KubeletConfiguration',
  cgroupDriver: 'cgroupfs',
  failSwapOn: false,
  // The disk is the host's: how full it is says nothing of the machine, and an image that is
  // removed cannot be pulled again.
  imageGCHighThresholdPercent: 100,
  evictionHard: {
    'memory.available': '100Mi',
    'nodefs.available': '1%',
    'imagefs.available': '1%',
  },
};

const kubeProxyConfiguration = {
  apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
  kind: 'KubeProxyConfiguration',
  mode: 'iptables',
  // These settings are of the whole kernel.
  conntrack: { maxPerCore: 0, min: 0 },
};

/** For kubeadm init on the first machine. */
export function initConfig(lab: MachinesFile, machine: Machine): string {
  return documents(
    {
      apiVersion,
      kind: 'InitConfiguration',
      bootstrapTokens: [{ token: lab.token, ttl: '0s' }],
      certificateKey: lab.certificateKey,
      localAPIEndpoint: { advertiseAddress: machine.address, bindPort: apiPort },
      nodeRegistration: registration(machine),
    },
    {
      apiVersion,
      kind: 'ClusterConfiguration',
      clusterName: lab.name,
      kubernetesVersion: `v${lab.version}`,
      controlPlaneEndpoint: `${network.switch}:${apiPort}`,
      networking: { podSubnet: podNetwork, serviceSubnet: '10.96.0.0/16' },
      apiServer: { certSANs: ['127.0.0.1', network.switch] },
      controllerManager: component('kube-controller-manager'),
      scheduler: component('kube-scheduler'),
      ...(lab.etcd === undefined ? {} : { etcd: externalEtcd(lab) }),
    },
    kubeletConfiguration,
    kubeProxyConfiguration,
  );
}

/** For kubeadm join on every other one. */
export function joinConfig(lab: MachinesFile, machine: Machine, caHash: string): string {
  const controlPlane = {
    localAPIEndpoint: { advertiseAddress: machine.address, bindPort: apiPort },
    certificateKey: lab.certificateKey,
  };
  return documents({
    apiVersion,
    kind: 'JoinConfiguration',
    discovery: {
      bootstrapToken: {
        apiServerEndpoint: `${network.switch}:${apiPort}`,
        token: lab.token,
        caCertHashes: [caHash],
      },
    },
    nodeRegistration: registration(machine),
    ...(machine.role === 'control-plane' ? { controlPlane } : {}),
  });
}
