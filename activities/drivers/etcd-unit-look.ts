// Where etcd runs, as machines tell it: each unit of the access file, and what the API servers of
// control planes ask. Changes nothing there. A line that is not known is somebody else's output,
// and nothing of it is believed.

import type {
  AskedEtcdObservation,
  EtcdPlaces,
  EtcdUnitFault,
  EtcdUnitObservation,
} from '../../domain/etcd-places';
import type { MemberName } from '../../domain/names';
import { forEachAtOnce } from '../at-once';
import { PortError } from '../ports';
import { problemOf } from '../problems';
import { etcdUnitScript, type EtcdUnit } from './etcd-unit-scripts';
import { staticPods } from './kubeadm-restore-parts';
import { askedAtOnce, askMachine } from './machine-ask';
import { scriptHead } from './machine-script';
import type { Machines } from './machine-shell';

const doing = 'looking where etcd runs';

const sockets = String.raw`
# 10.0.0.31:2379 of https://10.0.0.31:2379; a name in all its addresses. What listens everywhere is
# asked here as well.
sockets_of() {
  echo "$1" | tr , '\n' | sed -n 's,^[a-z]*://\(.*\):\([0-9][0-9]*\)/*$,\1 \2,p' |
    while read -r host port; do
      host=$(echo "$host" | tr -d '[]')
      case $host in 0.0.0.0 | ::) host=127.0.0.1 ;; esac
      echo "$host:$port"
      { getent ahosts "$host" || true; } | sed "s/ .*/:$port/"
    done | sort -u | paste -s -d ' ' -
}
`;

const unitLook = String.raw`
fault() { echo "fault $*"; }
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
described=$here/unit

if [ "$(unit_says LoadState)" = not-found ]; then
  fault unit-missing "$unit"
elif [ -z "$(process_of_unit)" ]; then
  fault unit-stopped "$unit" "$(unit_says ActiveState)"
elif ! unit_runs; then
  fault not-etcd "$unit" "$(program_at "$(process_of_unit)")"
fi
if describe_unit "$described"; then
  yaml=$described/unit.yaml
  version=$(version_of_etcd "$yaml")
  echo "version $version"
  named=$(flag_of "$yaml" name)
  [ "$named" = "$member" ] || fault other-name "$named"
  for flag in advertise-client-urls initial-advertise-peer-urls; do
    [ -n "$(flag_of "$yaml" "$flag")" ] || fault flag-missing "$flag"
  done
  case $(flag_of "$yaml" initial-advertise-peer-urls) in
    *,*) fault peers-several "$(flag_of "$yaml" initial-advertise-peer-urls)" ;;
  esac
  data=$(flag_of "$yaml" data-dir)
  [ -d "$data" ] || fault data-missing "$data"
  log=$(flag_of "$yaml" wal-dir)
  [ -z "$log" ] || fault log-apart "$log"
  for flag in cert-file key-file trusted-ca-file; do
    file=$(flag_of "$yaml" "$flag")
    if [ -z "$file" ]; then fault flag-missing "$flag"
    elif [ ! -r "$file" ]; then fault file-missing "$flag" "$file"; fi
  done
  have_programs "$yaml" || fault programs-missing "$version"
  for flag in advertise-client-urls listen-client-urls; do
    echo "sockets $(sockets_of "$(flag_of "$yaml" "$flag")")"
  done
fi
echo end
`;

const askedLook = String.raw`
manifest=$manifests/kube-apiserver.yaml
if [ -e "$manifests/etcd.yaml" ]; then echo pod; fi
if [ -e "$manifest" ]; then
  flag_of "$manifest" etcd-servers | tr , '\n' | while read -r url; do
    echo "endpoint $url $(sockets_of "$url")"
  done
fi
echo end
`;

/** Arguments of the script: the name of the member in the access file. */
export function unitLookScript(unit: EtcdUnit, proc?: string): string {
  return `${scriptHead}set +e\n${staticPods}${etcdUnitScript(unit, proc)}${sockets}
member=$1
${unitLook}`;
}

function askedLookScript(): string {
  return `${scriptHead}set +e\n${staticPods}${sockets}${askedLook}`;
}

export interface EtcdPlacesOptions {
  readonly machines: Machines;
  /** Machines of the control plane. */
  readonly members: readonly MemberName[];
  /** Absent: etcd is a static pod of each of them. */
  readonly etcd?: EtcdUnits;
}

export interface EtcdUnits {
  readonly unit: EtcdUnit;
  /** Members of etcd, each on the machine of its name. */
  readonly members: readonly MemberName[];
}

/** Never throws for a machine that does not answer: that is told. */
export async function lookAtEtcdPlaces(
  { machines, members, etcd }: EtcdPlacesOptions,
  signal: AbortSignal,
): Promise<EtcdPlaces> {
  const [controlPlanes, units] = await Promise.all([
    askEach(members, (name) => askedEtcdOf(machines, name, signal)),
    etcd === undefined
      ? undefined
      : askEach(etcd.members, (name) => lookAtUnit(machines, { name, unit: etcd.unit }, signal)),
  ]);
  return units === undefined ? { controlPlanes } : { controlPlanes, units };
}

type Seen<Told> =
  | Told
  | { kind: 'unobserved'; name: MemberName; problem: ReturnType<typeof problemOf> };

async function askEach<Told>(
  names: readonly MemberName[],
  ask: (name: MemberName) => Promise<Told>,
): Promise<readonly Seen<Told>[]> {
  const seen = new Map<MemberName, Seen<Told>>();
  await forEachAtOnce([...names], askedAtOnce, async (name) => {
    try {
      seen.set(name, await ask(name));
    } catch (error) {
      if (!(error instanceof PortError)) throw error;
      seen.set(name, { kind: 'unobserved', name, problem: problemOf(error) });
    }
  });
  return names.flatMap((name) => seen.get(name) ?? []);
}

type SeenUnit = Extract<EtcdUnitObservation, { readonly kind: 'observed' }>;

/** Throws PortError as askMachine does, or the signal's reason. */
export async function lookAtUnit(
  machines: Machines,
  { name, unit, awayMs = 0 }: { name: MemberName; unit: EtcdUnit; awayMs?: number },
  signal: AbortSignal,
): Promise<SeenUnit> {
  const script = unitLookScript(unit);
  const asked = { machine: name, doing, script, args: [name], awayMs };
  const seen = readUnit(await askMachine(machines, asked, signal), name);
  if (seen !== undefined) return seen;
  throw new PortError('unexpected', `${doing}: machine ${name} does not tell it whole`);
}

async function askedEtcdOf(
  machines: Machines,
  name: MemberName,
  signal: AbortSignal,
): Promise<AskedEtcdObservation> {
  const asked = { machine: name, doing, script: askedLookScript() };
  const seen = readAsked(await askMachine(machines, asked, signal), name);
  if (seen !== undefined) return seen;
  throw new PortError('unexpected', `${doing}: machine ${name} does not tell it whole`);
}

/** Lines before `end`; undefined where that is not the last one. */
function linesOf(text: string): readonly string[] | undefined {
  const lines = text.split('\n').slice(0, -1);
  return lines.at(-1) === 'end' ? lines.slice(0, -1) : undefined;
}

/** Undefined when it is not all that the script says, and nothing else. */
export function readUnit(text: string, name: string): SeenUnit | undefined {
  const faults: EtcdUnitFault[] = [];
  const served = new Set<string>();
  let version = '';
  const lines = linesOf(text);
  if (lines === undefined) return undefined;
  for (const line of lines) {
    const [word, ...others] = line.split(' ');
    if (word === 'version') version = others.join(' ');
    else if (word === 'sockets') for (const one of others.filter(isText)) served.add(one);
    else {
      const fault = word === 'fault' ? faultIn(others) : undefined;
      if (fault === undefined) return undefined;
      faults.push(fault);
    }
  }
  return { kind: 'observed', name, version, sockets: [...served], faults };
}

function isText(text: string): boolean {
  return text !== '';
}

/** All words behind the reason, the first of them, and the others. */
type Words = readonly [all: string, first: string, rest: string];

/** Paths may hold spaces: they come last. */
const faultReaders: {
  readonly [Why in EtcdUnitFault['why']]?: (
    ...words: Words
  ) => Extract<EtcdUnitFault, { readonly why: Why }>;
} = {
  'unit-missing': (unit) => ({ why: 'unit-missing', unit }),
  'unit-stopped': (_, unit, state) => ({ why: 'unit-stopped', unit, state }),
  'not-etcd': (_, unit, program) => ({ why: 'not-etcd', unit, program }),
  'other-name': (name) => ({ why: 'other-name', name }),
  'flag-missing': (flag) => ({ why: 'flag-missing', flag }),
  'peers-several': (urls) => ({ why: 'peers-several', urls }),
  'data-missing': (directory) => ({ why: 'data-missing', directory }),
  'log-apart': (directory) => ({ why: 'log-apart', directory }),
  'file-missing': (_, flag, file) => ({ why: 'file-missing', flag, file }),
  'programs-missing': (version) => ({ why: 'programs-missing', version }),
};

const readers = new Map(Object.entries(faultReaders));

function faultIn([why = '', first = '', ...others]: readonly string[]): EtcdUnitFault | undefined {
  return readers.get(why)?.([first, ...others].join(' '), first, others.join(' '));
}

/** Undefined when it is not all that the script says, and nothing else. */
export function readAsked(
  text: string,
  name: MemberName,
): Extract<AskedEtcdObservation, { readonly kind: 'observed' }> | undefined {
  const endpoints: { url: string; sockets: readonly string[] }[] = [];
  let isPod = false;
  const lines = linesOf(text);
  if (lines === undefined) return undefined;
  for (const line of lines) {
    const [word, url = '', ...found] = line.split(' ');
    if (word === 'pod' && url === '') isPod = true;
    else if (word === 'endpoint') endpoints.push({ url, sockets: found.filter(isText) });
    else return undefined;
  }
  return { kind: 'observed', name, isPod, endpoints };
}
