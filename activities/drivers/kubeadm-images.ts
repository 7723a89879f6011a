// How images of a release come to the machines of a kubeadm cluster before anything is changed
// there: one machine tells which they are, then each is asked for its own by a step of its own.
// I1. Which images there are kubeadm of the release says, with the cluster's own configuration,
//     where it is on the machine before the hop; else what is known (kubeadm-known-images.ts).
// I2. Every machine is tried before any failure is told: one attempt names all that is missing.
// I3. Pulled is by the runtime's own client, as kubeadm does it: by its registries and credentials.
//     The kubelet's own (imagePullSecrets, credential providers) have no part in it.

import { count } from '../../domain/counts';
import { boundedList } from '../../domain/lists';
import { imagesAtOnce } from '../../domain/plan/images-step';
import type { KubeVersion } from '../../domain/versions';
import type { KubeadmPackages } from '../access';
import { forEachAtOnce } from '../at-once';
import type { DriverContext } from '../driver-context';
import type { ImageOrder, PulledImages } from '../driver-ports';
import { PortError } from '../ports';
import { listEtcdImages, releasesOf } from './kubeadm-etcd';
import { etcdRepositoryIn, imagesOfRelease, type NamedImages } from './kubeadm-known-images';
import { programsScript } from './kubeadm-programs';
import { askMachine } from './machine-ask';
import { brokenCode, scriptHead, shellWord } from './machine-script';
import { runStep, type StepOptions } from './machine-steps';

export interface KubeadmImagesOptions extends StepOptions {
  readonly packages: KubeadmPackages;
}

/**
 * Prints `image REFERENCE` for each that kubeadm of the release names, `says WORDS` where it is
 * there and does not, `etcd REFERENCE` for each that an offered kubeadm names, `configuration`, and
 * then the cluster's. Every node may read that: `kubeadm upgrade node` does.
 */
export function listImagesScript(packages: KubeadmPackages, to: KubeVersion, disk = ''): string {
  return `
${scriptHead}${programsScript(packages, to)}
credentials=${shellWord(disk)}/etc/kubernetes/admin.conf
if [ ! -e "$credentials" ]; then credentials=${shellWord(disk)}/etc/kubernetes/kubelet.conf; fi
if [ ! -e "$credentials" ]; then
  echo 'kubeadm has not joined this machine: there is no kubelet.conf' >&2
  exit 1
fi
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
"$(place_of kubectl)" --kubeconfig "$credentials" --request-timeout 10s -n kube-system \\
  get configmap kubeadm-config -o 'jsonpath={.data.ClusterConfiguration}' > "$scratch/now"
sed "s/^kubernetesVersion: .*/kubernetesVersion: $to/" "$scratch/now" > "$scratch/then"
for kubeadm in "\${source:-/none}/kubeadm" "$(place_of kubeadm)"; do
  if [ ! -x "$kubeadm" ] || [ "$(version_of "$kubeadm" || true)" != "$to" ]; then continue; fi
  if "$kubeadm" config images list --config "$scratch/then" > "$scratch/images" 2> "$scratch/says"
  then sed 's/^/image /' "$scratch/images"
  else echo "says $(grep -v '^To see the stack' "$scratch/says" | grep . | tail -n 1)"; fi
  break
done
list_etcd_images() {
${listEtcdImages}
}
list_etcd_images ${shellWord(releasesOf(packages))} | sed 's/^/etcd /'
echo configuration
cat "$scratch/now"
`;
}

export interface WantedImages extends NamedImages {
  /** What kubeadm of the release has said instead of a list. */
  readonly says?: string;
}

/** Of what listImagesScript prints; `etcd` is the release that etcd changes to. */
export function wantedImages(
  output: string,
  { to, etcd }: Pick<ImageOrder, 'to' | 'etcd'>,
): WantedImages {
  const mark = '\nconfiguration\n';
  const text = `\n${output}`;
  const end = text.indexOf(mark);
  if (end < 0) {
    throw new PortError('unexpected', 'the machine did not tell the configuration of its cluster');
  }
  const configuration = text.slice(end + mark.length);
  const lines = text.slice(0, end).split('\n');
  const told = (word: string): readonly string[] =>
    lines.flatMap((line) => (line.startsWith(`${word} `) ? [line.slice(word.length + 1)] : []));
  const listed = told('image').filter(isReference);
  const [says] = told('says');
  const named =
    listed.length > 0 ? { images: listed, unknown: [] } : imagesOfRelease(to, configuration);
  const changed = etcd === undefined ? [] : etcdImage(etcd, told('etcd'), configuration);
  return {
    images: [...new Set([...named.images, ...changed])],
    unknown: named.unknown,
    ...(says === undefined ? {} : { says }),
  };
}

/** Of a tag as kubeadms name it; nothing where none does: the change of etcd says so itself. */
function etcdImage(
  etcd: KubeVersion,
  offered: readonly string[],
  configuration: string,
): readonly string[] {
  const ofVersion = offered.flatMap((image) => {
    const [, tag, version] = /\/etcd:(v?([0-9.]+)(?:-\d+)?)$/.exec(image) ?? [];
    return version === etcd && tag !== undefined ? [tag] : [];
  });
  const newest = ofVersion.toSorted(byRevision).at(-1);
  return newest === undefined ? [] : [`${etcdRepositoryIn(configuration)}/etcd:${newest}`];
}

function byRevision(a: string, b: string): number {
  const revision = (tag: string): number => Number(/-(\d+)$/.exec(tag)?.[1] ?? '-1');
  return revision(a) - revision(b);
}

/** Nothing else becomes a word of a script. */
function isReference(text: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._:@/-]*$/.test(text);
}

/** What every node runs of them; the others only a control plane does. */
export function isForNodes(image: string): boolean {
  return /\/(kube-proxy|pause):[^/]*$/.test(image);
}

/** In the words of their machines; the others are only named. */
const failuresTold = 3;

/** Tries it that often, some seconds apart: registries fail now and then. */
const tries = 3;

const pulling = `
runtime=$(sed -n 's/.*--container-runtime-endpoint=\\([^" ]*\\).*/\\1/p' \\
  /var/lib/kubelet/kubeadm-flags.env 2> /dev/null | head -n 1)
if [ -z "$runtime" ]; then
  runtime=$(cat /var/lib/kubelet/config.yaml /var/lib/kubelet/instance-config.yaml 2> /dev/null |
    sed -n 's/^containerRuntimeEndpoint: *"\\{0,1\\}\\([^" ]*\\).*/\\1/p' | grep . | tail -n 1)
fi
if command -v crictl > /dev/null; then client=crictl
elif command -v ctr > /dev/null; then client=ctr
else refuse 'neither crictl nor ctr is on this machine: what it has cannot be told'; fi

cri() { crictl \${runtime:+-r "$runtime"} "$@" 2>&1; }

is_here() {
  case $client in
    crictl) cri inspecti "$1" > /dev/null ;;
    ctr) ctr -n k8s.io images ls -q | grep -q -x -F -e "$1" ;;
  esac
}

# Where containerd keeps its mirrors, as its own configuration mostly says.
fetch() {
  case $client in
    crictl) cri pull "$1" ;;
    ctr)
      set -- "$1" /etc/containerd/certs.d
      if [ -d "$2" ]; then ctr -n k8s.io images pull --hosts-dir "$2" "$1" 2>&1
      else ctr -n k8s.io images pull "$1" 2>&1; fi
      ;;
  esac
}

failed=
bring() {
  if is_here "$1"; then return; fi
  phase "pulling $1"
  for try in $(seq ${tries}); do
    if said=$(fetch "$1") && is_here "$1"; then echo "pulled $1"; return; fi
    if [ "$try" != ${tries} ]; then sleep "$try"; fi
  done
  failed=yes
  echo "reason: $1 cannot be pulled: $(echo "$said" | grep . | tail -n 1 | cut -c 1-600)"
}
`;

/** `reason: …` for each that cannot be had, once all were tried. */
export function pullScript(images: readonly string[]): string {
  return `
${scriptHead}${pulling}
${images.map((image) => `bring ${shellWord(image)}`).join('\n')}
if [ -n "$failed" ]; then exit ${brokenCode}; fi
echo 'all images are here'
`;
}

/** As ControlPlaneDriver says of it. Throws PortError, or the signal's reason. */
export async function pullImages(
  options: KubeadmImagesOptions,
  order: ImageOrder,
  context: DriverContext,
): Promise<PulledImages> {
  const wanted = await listImages(options, order, context);
  if (wanted === undefined) return { pulled: 0, unknown: [] };
  const { images, unknown } = wanted;
  const ofNodes = images.filter(isForNodes);
  const turns = [
    ...order.members.map((machine) => ({ machine, images })),
    ...order.nodes.map((machine) => ({ machine, images: ofNodes })),
  ];
  const all = count(turns.length, 'machine');
  const failed = new Map<string, PortError>();
  let pulled = 0;
  let done = 0;
  await forEachAtOnce(turns, imagesAtOnce, async (turn) => {
    const told = (phase: string): void =>
      context.onPhase(`${done} of ${all}; ${turn.machine}: ${phase}`);
    try {
      const fetched = await pullOn(options, turn, {
        ...order,
        context: { ...context, onPhase: told },
      });
      // Read after the wait: others have added theirs meanwhile.
      pulled += fetched;
      done += 1;
      context.onPhase(`${done} of ${all} have their images`);
    } catch (error) {
      if (context.signal.aborted || !(error instanceof PortError)) throw error;
      failed.set(turn.machine, error);
    }
  });
  const failures = turns.flatMap(({ machine }): readonly Failure[] => {
    const error = failed.get(machine);
    return error === undefined ? [] : [{ machine, error }];
  });
  if (failures.length > 0) throw failureOf(failures, all);
  return { pulled, unknown };
}

/** I1. Undefined where there is no machine to ask. */
async function listImages(
  options: KubeadmImagesOptions,
  order: ImageOrder,
  context: DriverContext,
): Promise<WantedImages | undefined> {
  const [machine] = [...order.members, ...order.nodes];
  if (machine === undefined) return undefined;
  const doing = `asking which images ${order.to} needs`;
  context.onPhase(`${doing}, on ${machine}`);
  const script = listImagesScript(options.packages, order.to);
  const wanted = wantedImages(
    await askMachine(options.machines, { machine, doing, script }, context.signal),
    order,
  );
  if (wanted.says !== undefined) {
    context.log(`${machine}: kubeadm config images list: ${wanted.says}`);
  }
  return wanted;
}

interface Turn {
  readonly machine: string;
  readonly images: readonly string[];
}

/** How many were not there. */
async function pullOn(
  options: KubeadmImagesOptions,
  { machine, images }: Turn,
  { to, timeoutMs, context }: Pick<ImageOrder, 'to' | 'timeoutMs'> & { context: DriverContext },
): Promise<number> {
  const found = new Set<string>();
  const log = (line: string): void => {
    const image = /^[^ ]+: pulled (\S+)$/.exec(line)?.[1];
    if (image !== undefined) found.add(image);
    context.log(line);
  };
  const doing = `bringing images of ${to}`;
  const limitMs = Math.min(timeoutMs, context.limitMs);
  const step = { machine, doing, script: pullScript(images), changes: 'images' };
  await runStep(options, step, { ...context, log, limitMs });
  return found.size;
}

interface Failure {
  readonly machine: string;
  readonly error: PortError;
}

/** What asking again cannot help comes first, what may pass by itself last. */
const worstFirst: readonly PortError['code'][] = ['rejected', 'full', 'unauthorized', 'forbidden'];

function rankOf({ code }: PortError): number {
  const rank = worstFirst.indexOf(code);
  return rank < 0 ? worstFirst.length : rank;
}

/** I2. */
function failureOf(failures: readonly Failure[], all: string): PortError {
  const errors = failures.map(({ error }) => error);
  const [worst] = errors.toSorted((a, b) => rankOf(a) - rankOf(b));
  if (failures.length === 1 && worst !== undefined) return worst;
  const names = boundedList(failures.map(({ machine }) => machine));
  const told = errors.slice(0, failuresTold).map(({ message }) => message);
  const message = `${failures.length} of ${all} have not all (${names}): ${told.join('; ')}`;
  return new PortError(worst?.code ?? 'unexpected', message);
}
