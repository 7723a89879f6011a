// Runs transcripts: prose, commands and everything they print, in one file. The same file is input
// and expectation, so a change of words shows as a diff of what people see.
//
//   # Prose.
//   @ the upgrade is waiting for approval
//   $ ascent status prod
//   …stdout, then stderr with `2> ` before each line…
//   [exit 0]
//
// UPDATE_TRANSCRIPTS=1 writes what was printed into the file.

import { PortError } from '../../../activities/ports';
import { failureInfo } from '../../../domain/failure-remedies';
import { runCli } from '../../../cli/program';
import { accessContent } from '../../activities/adapters/support/access-files';
import { drillBroken, drillFailed, drillRefused } from './drill-fixtures';
import type { FakeUpgradeOptions } from './fake-upgrade';
import { FakeUpgrade, unreachable } from './fake-upgrade';
import type { TerminalOptions } from './fake-terminal';
import { FakeTerminal } from './fake-terminal';
import {
  busyObservation,
  halfDone,
  moments,
  observation,
  orderedSpecText,
  plan,
  specText,
  usedObservation,
} from './fixtures';
import { failedLook, firstLook, idleLook, nightlyLooks } from './look-fixtures';
import { nodes, nodesToLookAt } from './node-fixtures';
import {
  failedSchedule,
  pausedSchedule,
  routineSchedule,
  servedNot,
  servedWhole,
  storedSnapshots,
  storeToLookAt,
} from './snapshot-fixtures';

/** What a `@` line changes, from there on. */
interface Setting {
  readonly upgrade: Partial<FakeUpgradeOptions>;
  readonly terminal: TerminalOptions;
  readonly isTemporalAway: boolean;
}

const flowManifests = `# Two documents, the first of them a list.
apiVersion: v1
kind: List
items:
  - apiVersion: flowcontrol.apiserver.k8s.io/v1beta3
    kind: FlowSchema
    metadata: { name: batch }
  - apiVersion: v1
    kind: ConfigMap
    metadata: { name: fine }
---
apiVersion: v1
kind: Pod
metadata: { name: old, namespace: web }
spec:
  containers: []
  volumes:
    - name: data
      rbd: { image: a }
`;

const files: Readonly<Record<string, string>> = {
  'upgrade.yaml': specText,
  'typos.yaml': specText
    .replace('soak: 1h', 'soak: 1hour')
    .replace('maxUnavailable', 'maxUnavailble')
    .replace('fewest-drains', 'few-drains'),
  'lower.yaml': specText.replace('1.30', '1.27'),
  'other.yaml': specText.replace('cluster: prod', 'cluster: staging'),
  'ordered.yaml': orderedSpecText,
  'unordered.yaml': orderedSpecText.replace('example.com/rack', 'rack'),
  'manifests/flow.yaml': flowManifests,
  'manifests/chart/web.yaml': 'kind: Deployment\nspec: {{ .Values.spec }}\n',
  'manifests/chart/loop.yaml': 'a: b\n{{- range .Values.list }}\nc: d\n',
  'manifests/ci.yaml': 'on: [push]\njobs: {}\n',
  'fine.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\n',
  'late.yaml': 'apiVersion: v1\nkind: Endpoints\nmetadata: { name: a, namespace: web }\n',
  'ours/1.38.yaml':
    'schema: ascent.knowledge/v1\nminor: "1.38"\nknown: [apis]\n' +
    'withdraw: [{ topic: apis, key: v1/Endpoints, why: we keep them }]\n',
  'wrong/a.yaml': 'schema: ascent.knowledge/v1\nminor: 1.30\n',
  'double/a.yaml':
    'schema: ascent.knowledge/v1\nminor: "1.30"\nplugins:\n' +
    '  - { plugin: SecurityContextDeny, change: removed, source: https://example.com/a }\n',
  'observation.json': JSON.stringify(observation),
  'busy.json': JSON.stringify(busyObservation),
  'half.json': JSON.stringify(halfDone),
  'sick.json': JSON.stringify({
    ...observation,
    nodes: observation.nodes.map((node) => ({ ...node, ready: node.name !== 'web-2' })),
  }),
  'used.json': JSON.stringify(usedObservation),
  'broken.json': JSON.stringify({
    ...observation,
    observedAt: 'yesterday',
    nodes: [{ ...observation.nodes[0], kubeletVersion: 'v1.28' }],
  }),
  'access.json': JSON.stringify(accessContent),
  'driverless.json': JSON.stringify({ ...accessContent, driver: { kind: 'none' } }),
};

const start: Setting = { upgrade: {}, terminal: {}, isTemporalAway: false };

/** The transcript as it is when its commands run now. */
export async function replayTranscript(text: string): Promise<string> {
  const out: string[] = [];
  let setting = start;
  for (const line of inputLines(text)) {
    out.push(line);
    if (line.startsWith('@ ')) setting = changed(setting, line.slice(2));
    if (line.startsWith('$ ')) out.push(...(await runLine(line.slice(2), setting)));
  }
  return `${out.join('\n').trimEnd()}\n`;
}

/** Everything but what the last run printed, which goes from `$` to `[exit`. */
function inputLines(text: string): readonly string[] {
  const lines: string[] = [];
  let isPrinted = false;
  for (const line of text.split('\n')) {
    if (!isPrinted) lines.push(line);
    if (line.startsWith('$ ')) isPrinted = true;
    if (line.startsWith('[exit ')) isPrinted = false;
  }
  return lines;
}

function changed(setting: Setting, sentence: string): Setting {
  const moment = /^the upgrade is (?<name>.+)$/.exec(sentence)?.groups?.['name'];
  if (moment !== undefined) {
    const known = moments[moment];
    if (known === undefined) throw new Error(`no moment is called ${moment}`);
    return { ...setting, upgrade: { ...setting.upgrade, moment: known } };
  }
  const behaviour = /^node web-2 (?<name>.+)$/.exec(sentence)?.groups?.['name'];
  if (behaviour !== undefined) {
    const known = nodes[behaviour];
    if (known === undefined) throw new Error(`no node ${behaviour}`);
    return { ...setting, upgrade: { ...setting.upgrade, node: known } };
  }
  const more = settings[sentence];
  if (more === undefined) throw new Error(`nothing is called "${sentence}"`);
  return more(setting);
}

const noRoom = failureInfo('space-missing', 'there is no room for a snapshot');
const noComparison = failureInfo('cluster-unreachable', 'no etcd member is healthy');

const settings: Readonly<Record<string, (setting: Setting) => Setting>> = {
  'Temporal is away': (setting) => ({ ...setting, isTemporalAway: true }),
  'no worker polls': (setting) => ({
    ...setting,
    upgrade: {
      refusal: { code: 'worker-missing', taskQueue: 'cluster/prod', waitedSeconds: 20 },
    },
  }),
  'another upgrade runs': (setting) => ({
    ...setting,
    upgrade: {
      refusal: { code: 'upgrade-conflict', differences: ['pools.web.maxUnavailable', 'target'] },
    },
  }),
  'somebody says yes': (setting) => ({
    ...setting,
    terminal: { ...setting.terminal, confirms: true },
  }),
  'nobody can be asked': (setting) => ({ ...setting, terminal: {} }),
  'the cluster can be read': (setting) => ({
    ...setting,
    terminal: { ...setting.terminal, cluster: nodesToLookAt },
  }),
  'the store holds snapshots': (setting) => ({
    ...setting,
    terminal: { ...setting.terminal, snapshots: () => storeToLookAt(storedSnapshots) },
  }),
  'the key is lost': (setting) => ({ ...setting, upgrade: { drill: drillRefused } }),
  'Secrets cannot be read': (setting) => ({ ...setting, upgrade: { drill: drillBroken } }),
  'no worker serves the cluster': (setting) => ({ ...setting, upgrade: { drill: drillFailed } }),
  'an API server reads what is restored': (setting) => ({
    ...setting,
    terminal: { ...setting.terminal, snapshots: () => storeToLookAt(storedSnapshots, servedWhole) },
  }),
  'an API server cannot read what is restored': (setting) => ({
    ...setting,
    terminal: { ...setting.terminal, snapshots: () => storeToLookAt(storedSnapshots, servedNot) },
  }),
  'a snapshot restores to something else': (setting) => ({
    ...setting,
    terminal: {
      ...setting.terminal,
      snapshots: () => storeToLookAt(storedSnapshots, { hashKv: '43', keys: 7, seconds: 2 }),
    },
  }),
  'its key is lost': (setting) => ({
    ...setting,
    terminal: {
      ...setting.terminal,
      snapshots: () =>
        storeToLookAt(storedSnapshots, new PortError('forbidden', 'no such key is at hand')),
    },
  }),
  'the store is empty': (setting) => ({
    ...setting,
    terminal: { ...setting.terminal, snapshots: () => storeToLookAt([]) },
  }),
  'all is well': () => start,
  'no snapshot can be compared with': (setting) => ({
    ...setting,
    upgrade: { ...setting.upgrade, preview: { kind: 'failed', failure: noComparison } },
  }),
  'there are too many snapshots': (setting) => ({
    ...setting,
    upgrade: { ...setting.upgrade, surplus: ['prod-asked-1', 'prod-asked-2'] },
  }),
  'snapshots are being taken': (setting) => ({
    ...setting,
    upgrade: { ...setting.upgrade, snapshot: { kind: 'busy', workflowId: 'snapshot/prod' } },
  }),
  'no snapshot can be taken': (setting) => ({
    ...setting,
    upgrade: { ...setting.upgrade, snapshot: { kind: 'failed', failure: noRoom } },
  }),
  'a schedule takes snapshots': (setting) => ({
    ...setting,
    upgrade: { ...setting.upgrade, snapshotSchedule: routineSchedule },
  }),
  'the last of a schedule has failed': (setting) => ({
    ...setting,
    upgrade: { ...setting.upgrade, snapshotSchedule: failedSchedule },
  }),
  'the schedule is paused': (setting) => ({
    ...setting,
    upgrade: { ...setting.upgrade, snapshotSchedule: pausedSchedule },
  }),
  'the hop to come is looked at each night': (setting) => ({
    ...setting,
    upgrade: { ...setting.upgrade, preflightSchedule: nightlyLooks },
  }),
  'the first look was taken': (setting) => ({
    ...setting,
    upgrade: { ...setting.upgrade, preflightSchedule: firstLook },
  }),
  'the look has failed': (setting) => ({
    ...setting,
    upgrade: { ...setting.upgrade, preflightSchedule: failedLook },
  }),
  'there was nothing to look at': (setting) => ({
    ...setting,
    upgrade: { ...setting.upgrade, preflightSchedule: idleLook },
  }),
  'no worker has come for the cluster': (setting) => ({
    ...setting,
    upgrade: { ...setting.upgrade, hasWorker: false },
  }),
  'somebody says no': (setting) => ({
    ...setting,
    terminal: { ...setting.terminal, confirms: false },
  }),
};

async function runLine(line: string, setting: Setting): Promise<readonly string[]> {
  const [program, ...argv] = words(line);
  if (program !== 'ascent') throw new Error(`transcripts run ascent, not ${program}`);
  const client = new FakeUpgrade({ cluster: 'prod', plan, ...setting.upgrade });
  const terminal = new FakeTerminal({ files, client: () => client, ...setting.terminal });
  const context = setting.isTemporalAway
    ? { ...terminal.context, connect: unreachable }
    : terminal.context;
  const exitCode = await runCli(argv, context);
  return [
    ...terminal.questions.map((question) => `?> ${question}`),
    ...printed(terminal.stdout, ''),
    ...printed(terminal.stderr, '2> '),
    `[exit ${exitCode}]`,
  ];
}

function printed(text: string, prefix: string): readonly string[] {
  if (text === '') return [];
  return text
    .trimEnd()
    .split('\n')
    .map((line) => `${prefix}${line}`.trimEnd());
}

/** Words of a shell line: spaces part them, single quotes keep them together. */
function words(line: string): readonly string[] {
  return [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
}
