// Makes a cluster of machines that run, with kubeadm, and tells when it serves.

import { createHash, X509Certificate } from 'node:crypto';
import { copyFile, readFile } from 'node:fs/promises';
import path from 'node:path';

import { readJson, writeJsonAtomic } from '../atomic-file';
import { pkiOf } from '../certificates';
import { LabError } from '../lab-error';
import { eventually } from '../waiting';
import { ensureImages, isForWorkers } from './images';
import { adminKubeconfig, configFile, initConfig, joinConfig } from './kubeadm';
import { type MachineContext, onMachine } from './machine';
import { writeClusterFiles } from './machine-access';
import { cniConfig, machineDirectory } from './machine-files';
import { firstOf, type Machine, type MachinesLayout, nodeMachines } from './machines-file';
import { routePods } from './network';
import { type MachineBinaries, machineRelease } from './releases';

const initMs = 300_000;
const joinMs = 180_000;
const importMs = 180_000;
const readyMs = 180_000;

export interface UpContext extends MachineContext {
  readonly binaries: MachineBinaries;
  readonly report: (text: string) => void;
}

/** Pod subnets by machine: written last, it says that the cluster is made (U2). */
function madeFile(layout: MachinesLayout): string {
  return path.join(layout.machines, 'pod-subnets.json');
}

type PodSubnets = Readonly<Record<string, string>>;

export async function podSubnetsOf(layout: MachinesLayout): Promise<PodSubnets | undefined> {
  return (await readJson(madeFile(layout))) as PodSubnets | undefined;
}

/** Imports a release's images on a machine; those that it has are imported again, harmlessly. */
export async function importImages(
  context: MachineContext,
  machine: Machine,
  files: readonly string[],
): Promise<void> {
  const wanted = files.filter((file) => machine.role === 'control-plane' || isForWorkers(file));
  for (const file of wanted) {
    const seen = path.join('/opt/images', path.basename(file));
    await onMachine(context, machine.name, {
      doing: `importing ${path.basename(file)}`,
      args: ['ctr', '-n', 'k8s.io', 'images', 'import', seen],
      timeoutMs: importMs,
    });
  }
}

/** kubeadm init on the first machine, kubeadm join on the others, one after the other. */
export async function makeCluster(context: UpContext): Promise<void> {
  const { layout, lab, binaries, report } = context;
  const files = await ensureImages(machineRelease(lab.version), binaries);
  await Promise.all(nodeMachines(lab).map((machine) => importImages(context, machine, files)));
  report('images are on the machines');
  const [first, ...others] = nodeMachines(lab);
  if (first === undefined) return;
  await initialize(context, first);
  report(`kubeadm init on ${first.name} is done`);
  const caHash = caHashOf(await readFile(pkiOf(layout.pki).certificate('ca'), 'utf8'));
  for (const machine of others) {
    await join(context, machine, caHash);
    report(`${machine.name} has joined`);
  }
  if (lab.etcd === undefined) await copyEtcdCertificates(context, first);
  await writeClusterFiles(lab, layout, binaries);
  const subnets = await connectPods(context);
  await writeJsonAtomic(madeFile(layout), subnets);
}

function onDisk(context: MachineContext, machine: Machine, file: string): string {
  return path.join(machineDirectory(context.layout, machine.name), file);
}

async function writeOnMachine(
  context: MachineContext,
  machine: Machine,
  file: string,
  text: string,
): Promise<void> {
  // Through the machine itself: a change below a mounted overlay may go unseen.
  await onMachine(context, machine.name, {
    doing: `writing ${file}`,
    args: ['sh', '-c', 'mkdir -p "$(dirname "$1")" && printf %s "$2" > "$1"', 'sh', file, text],
  });
}

async function initialize(context: UpContext, machine: Machine): Promise<void> {
  const { layout, lab } = context;
  const pki = pkiOf(layout.pki);
  const authority = [
    ['/etc/kubernetes/pki/ca.crt', pki.certificate('ca')],
    ['/etc/kubernetes/pki/ca.key', pki.key('ca')],
  ] as const;
  for (const [file, source] of authority) {
    await writeOnMachine(context, machine, file, await readFile(source, 'utf8'));
  }
  await writeOnMachine(context, machine, configFile, initConfig(lab, machine));
  await onMachine(context, machine.name, {
    doing: 'kubeadm init',
    args: ['kubeadm', 'init', '--config', configFile, '--upload-certs', '--skip-token-print'],
    timeoutMs: initMs,
  });
}

async function join(context: UpContext, machine: Machine, caHash: string): Promise<void> {
  await writeOnMachine(context, machine, configFile, joinConfig(context.lab, machine, caHash));
  await onMachine(context, machine.name, {
    doing: 'kubeadm join',
    args: ['kubeadm', 'join', '--config', configFile],
    timeoutMs: joinMs,
  });
}

/** As kubeadm's discovery has it: of the CA's public key. */
function caHashOf(pem: string): string {
  const publicKey = new X509Certificate(pem).publicKey.export({ type: 'spki', format: 'der' });
  return `sha256:${createHash('sha256').update(publicKey).digest('hex')}`;
}

/** Kept apart from the machine's own, which an upgrade replaces. */
async function copyEtcdCertificates(context: UpContext, machine: Machine): Promise<void> {
  const pki = pkiOf(context.layout.pki);
  const from = (name: string): string =>
    onDisk(context, machine, path.join('etc/kubernetes/pki/etcd', name));
  await copyFile(from('ca.crt'), pki.certificate('etcd-ca'));
  await copyFile(from('healthcheck-client.crt'), pki.certificate('etcd-client'));
  await copyFile(from('healthcheck-client.key'), pki.key('etcd-client'));
}

/** The cluster's answer as JSON. */
export async function kubectlJson(
  context: MachineContext,
  args: readonly string[],
): Promise<unknown> {
  const output = await onMachine(context, firstOf(context.lab).name, {
    doing: `kubectl ${args.join(' ')}`,
    args: ['kubectl', '--kubeconfig', adminKubeconfig, ...args, '-o', 'json'],
  });
  return JSON.parse(output) as unknown;
}

interface NodeList {
  readonly items: readonly {
    readonly metadata: { readonly name: string };
    readonly spec: { readonly podCIDR?: string };
    readonly status: {
      readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    };
  }[];
}

/** Gives every machine's pods the subnet that the cluster chose for its node. */
async function connectPods(context: UpContext): Promise<PodSubnets> {
  const { lab, signal } = context;
  let subnets: PodSubnets = {};
  const areKnown = await eventually(
    async () => {
      const { items } = (await kubectlJson(context, ['get', 'nodes'])) as NodeList;
      const known = items.flatMap(({ metadata, spec }) =>
        spec.podCIDR === undefined ? [] : [[metadata.name, spec.podCIDR] as const],
      );
      subnets = Object.fromEntries(known);
      return known.length === nodeMachines(lab).length;
    },
    { timeoutMs: readyMs, everyMs: 500, ...(signal === undefined ? {} : { signal }) },
  );
  if (!areKnown) {
    const known = Object.keys(subnets).join(', ') || 'none';
    throw new LabError(
      'lab-failed',
      `not every node has a subnet for its pods; these do: ${known}`,
    );
  }
  for (const machine of nodeMachines(lab)) {
    const config = cniConfig(subnets[machine.name] ?? '');
    await writeOnMachine(context, machine, '/etc/cni/net.d/10-pods.conflist', config);
    await routePods(lab, machine.name, subnets);
  }
  return subnets;
}

/** Throws LabError `lab-failed` after three minutes. */
export async function untilReady(context: UpContext): Promise<void> {
  const { lab, report, signal } = context;
  let text = '';
  const isReady = await eventually(
    async () => {
      text = await readiness(context).catch((error: unknown) => String(error));
      report(text);
      const { length } = nodeMachines(lab);
      return text === `${length} of ${length} nodes are Ready, DNS serves`;
    },
    { timeoutMs: readyMs, everyMs: 1_000, ...(signal === undefined ? {} : { signal }) },
  );
  if (!isReady) throw new LabError('lab-failed', `lab ${lab.name} was not ready in time: ${text}`);
}

async function readiness(context: UpContext): Promise<string> {
  const { items } = (await kubectlJson(context, ['get', 'nodes'])) as NodeList;
  const ready = items.filter(({ status }) =>
    status.conditions?.some(
      (condition) => condition.type === 'Ready' && condition.status === 'True',
    ),
  );
  const dns = (await kubectlJson(context, ['get', '-n', 'kube-system', 'deployment/coredns'])) as {
    readonly status: { readonly availableReplicas?: number };
  };
  const serves = (dns.status.availableReplicas ?? 0) >= 2 ? 'serves' : 'does not serve yet';
  return `${ready.length} of ${nodeMachines(context.lab).length} nodes are Ready, DNS ${serves}`;
}
