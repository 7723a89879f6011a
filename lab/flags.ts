// The command lines of every component: pure functions of the lab and, where releases differ, of
// the version. Authority for each flag: `--help` of every release of toolchain/catalogue.ts.

import path from 'node:path';

import { frontProxyUser, pkiOf } from './certificates';
import type { LabFile, LabMember } from './lab-file';
import type { LabLayout } from './layout';

/** Everything but the executable's own path. */
export type Arguments = readonly string[];

export interface FlagContext {
  readonly lab: LabFile;
  readonly layout: LabLayout;
  readonly member: LabMember;
}

/** Who asks for a delegated token review and access check, and may be probed without either. */
const probePaths = '/healthz,/readyz,/livez,/metrics';

/** Must contain certificates.kubernetesServiceIp. */
const serviceNetwork = '10.96.0.0/16';
export const podNetwork = '10.244.0.1/16';

/** How long a stopping API server goes on serving; its /readyz fails from the first moment. */
export const shutdownDelaySeconds = 3;
/**
 * How long it waits for watches to end. Without it a stop takes the delay and a further minute
 * (docs/benchmarks.md); 1.28 to 1.33 have the flag.
 */
const watchTerminationSeconds = 2;

const loopback = '127.0.0.1';

export function etcdUrl(member: LabMember): string {
  return `https://${loopback}:${member.ports.etcdClient}`;
}

export function etcdPeerUrl(member: LabMember): string {
  return `https://${loopback}:${member.ports.etcdPeer}`;
}

export function apiServerUrl(member: LabMember): string {
  return `https://${loopback}:${member.ports.apiServer}`;
}

export function controllerManagerUrl(member: LabMember): string {
  return `https://${loopback}:${member.ports.controllerManager}`;
}

export function schedulerUrl(member: LabMember): string {
  return `https://${loopback}:${member.ports.scheduler}`;
}

export function balancerUrl(lab: LabFile): string {
  return `https://${loopback}:${lab.balancerPort}`;
}

export function etcdDataDir(layout: LabLayout, member: LabMember): string {
  return path.join(layout.etcd, member.name);
}

/** `cp-1=https://…,cp-2=https://…`. */
export function initialCluster(lab: LabFile): string {
  return lab.members.map((member) => `${member.name}=${etcdPeerUrl(member)}`).join(',');
}

/**
 * The token makes a cluster's id: a restored cluster must not meet the old one. `joins`: the member
 * has no data and fetches everything from the others.
 */
export function etcdFlags(
  context: FlagContext,
  token: string,
  joins: 'new' | 'existing' = 'new',
): Arguments {
  const { lab, layout, member } = context;
  const pki = pkiOf(layout.pki);
  const certificate = pki.certificate(`${member.name}-etcd`);
  const key = pki.key(`${member.name}-etcd`);
  const authority = pki.certificate('etcd-ca');
  return [
    `--name=${member.name}`,
    `--data-dir=${etcdDataDir(layout, member)}`,
    `--listen-client-urls=${etcdUrl(member)}`,
    `--advertise-client-urls=${etcdUrl(member)}`,
    `--listen-peer-urls=${etcdPeerUrl(member)}`,
    `--initial-advertise-peer-urls=${etcdPeerUrl(member)}`,
    `--initial-cluster=${initialCluster(lab)}`,
    `--initial-cluster-token=${token}`,
    // Ignored once there is data; a restored directory has its membership inside.
    `--initial-cluster-state=${joins}`,
    '--client-cert-auth=true',
    `--trusted-ca-file=${authority}`,
    `--cert-file=${certificate}`,
    `--key-file=${key}`,
    '--peer-client-cert-auth=true',
    `--peer-trusted-ca-file=${authority}`,
    `--peer-cert-file=${certificate}`,
    `--peer-key-file=${key}`,
    '--snapshot-count=10000',
    '--log-level=warn',
  ];
}

/** What `etcdutl snapshot restore` needs besides the file and the revision. */
export function etcdRestoreFlags(
  context: FlagContext,
  options: { readonly token: string; readonly dataDir: string; readonly bumpRevision: number },
): Arguments {
  return [
    `--name=${context.member.name}`,
    `--data-dir=${options.dataDir}`,
    `--initial-cluster=${initialCluster(context.lab)}`,
    `--initial-cluster-token=${options.token}`,
    `--initial-advertise-peer-urls=${etcdPeerUrl(context.member)}`,
    `--bump-revision=${options.bumpRevision}`,
    '--mark-compacted',
  ];
}

export function apiServerFlags(context: FlagContext): Arguments {
  const { lab, layout, member } = context;
  const pki = pkiOf(layout.pki);
  // Its own etcd member first; the others keep it serving while that one is away.
  const etcd = [member, ...lab.members.filter((other) => other.name !== member.name)];
  return [
    `--bind-address=${loopback}`,
    `--secure-port=${member.ports.apiServer}`,
    `--advertise-address=${member.advertiseAddress}`,
    `--etcd-servers=${etcd.map(etcdUrl).join(',')}`,
    `--etcd-cafile=${pki.certificate('etcd-ca')}`,
    `--etcd-certfile=${pki.certificate('api-server-etcd-client')}`,
    `--etcd-keyfile=${pki.key('api-server-etcd-client')}`,
    `--client-ca-file=${pki.certificate('ca')}`,
    `--tls-cert-file=${pki.certificate(`${member.name}-api-server`)}`,
    `--tls-private-key-file=${pki.key(`${member.name}-api-server`)}`,
    `--requestheader-client-ca-file=${pki.certificate('front-proxy-ca')}`,
    `--requestheader-allowed-names=${frontProxyUser}`,
    '--requestheader-username-headers=X-Remote-User',
    '--requestheader-group-headers=X-Remote-Group',
    '--requestheader-extra-headers-prefix=X-Remote-Extra-',
    `--proxy-client-cert-file=${pki.certificate('front-proxy-client')}`,
    `--proxy-client-key-file=${pki.key('front-proxy-client')}`,
    '--authorization-mode=Node,RBAC',
    '--enable-admission-plugins=NodeRestriction',
    '--allow-privileged=true',
    '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
    `--service-account-key-file=${path.join(layout.pki, 'service-accounts.pub')}`,
    `--service-account-signing-key-file=${path.join(layout.pki, 'service-accounts.key')}`,
    `--service-cluster-ip-range=${serviceNetwork}`,
    // No --shutdown-send-retry-after: its 429 is a failed request for a client without retries.
    `--shutdown-delay-duration=${shutdownDelaySeconds}s`,
    `--shutdown-watch-termination-grace-period=${watchTerminationSeconds}s`,
    `--audit-policy-file=${auditPolicyFile(layout)}`,
    `--audit-log-path=${auditLogFile(layout, member.name)}`,
    '--profiling=false',
  ];
}

export function auditPolicyFile(layout: LabLayout): string {
  return path.join(layout.config, 'audit-policy.yaml');
}

/** One JSON object a line (audit.k8s.io/v1): see audit-policy.ts. */
export function auditLogFile(layout: LabLayout, member: string): string {
  return path.join(layout.logs, `${member}-audit.log`);
}

/** Of releases that can (supervisor/program.ts), for all three programs. */
export function emulationFlags(emulates: string | undefined): Arguments {
  return emulates === undefined ? [] : [`--emulated-version=${emulates}`];
}

/** Through the balancer: a leader must not lose its lease because its own member is replaced. */
function controllerFlags(context: FlagContext, component: ControllerName, port: number): Arguments {
  const { layout, member } = context;
  const pki = pkiOf(layout.pki);
  const kubeconfig = path.join(layout.config, `${component}.kubeconfig`);
  return [
    `--kubeconfig=${kubeconfig}`,
    `--authentication-kubeconfig=${kubeconfig}`,
    `--authorization-kubeconfig=${kubeconfig}`,
    `--authorization-always-allow-paths=${probePaths}`,
    `--bind-address=${loopback}`,
    `--secure-port=${port}`,
    `--tls-cert-file=${pki.certificate(`${member.name}-${component}`)}`,
    `--tls-private-key-file=${pki.key(`${member.name}-${component}`)}`,
    '--leader-elect=true',
    '--kube-api-qps=300',
    '--kube-api-burst=600',
    '--profiling=false',
  ];
}

export type ControllerName = 'controller-manager' | 'scheduler';

/** Nodes that a laptop carries with the heartbeats of real ones. */
const nodesAtDefaultPace = 300;

/**
 * How long a node may keep silent before it is NotReady: Kubernetes' default, and four times that
 * for larger labs. A lease is renewed in a quarter of it, and a thousand writes in ten seconds
 * leave two cores no time for what is looked at.
 */
export function nodeSilenceSeconds(nodes: number): number {
  return nodes <= nodesAtDefaultPace ? 40 : 160;
}

export function controllerManagerFlags(context: FlagContext): Arguments {
  const { lab, layout, member } = context;
  const pki = pkiOf(layout.pki);
  return [
    ...controllerFlags(context, 'controller-manager', member.ports.controllerManager),
    `--cluster-name=${lab.name}`,
    '--controllers=*',
    '--use-service-account-credentials=true',
    `--root-ca-file=${pki.certificate('ca')}`,
    `--service-account-private-key-file=${path.join(layout.pki, 'service-accounts.key')}`,
    `--cluster-signing-cert-file=${pki.certificate('ca')}`,
    `--cluster-signing-key-file=${pki.key('ca')}`,
    '--allocate-node-cidrs=false',
    `--node-monitor-grace-period=${nodeSilenceSeconds(lab.nodes.length)}s`,
  ];
}

export function schedulerFlags(context: FlagContext): Arguments {
  return controllerFlags(context, 'scheduler', context.member.ports.scheduler);
}

/** Annotation of the nodes that kwok plays. */
export const fakeNodeAnnotation = { key: 'kwok.x-k8s.io/node', value: 'fake' } as const;

export function kwokFlags({ lab, layout }: Omit<FlagContext, 'member'>): Arguments {
  return [
    `--kubeconfig=${path.join(layout.config, 'kwok.kubeconfig')}`,
    `--config=${path.join(layout.config, 'kwok.yaml')}`,
    '--manage-all-nodes=false',
    `--manage-nodes-with-annotation-selector=${fakeNodeAnnotation.key}=${fakeNodeAnnotation.value}`,
    `--cidr=${podNetwork}`,
    // Without leases nodes turn NotReady and their pods never heal.
    `--node-lease-duration-seconds=${nodeSilenceSeconds(lab.nodes.length)}`,
    '--v=WARN',
  ];
}
