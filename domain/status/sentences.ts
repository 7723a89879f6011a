// Words for what waits or refuses: findings, failures, gates, refusals. Where an upgrade stands is
// in status-sentences.ts. No locale and no clock: who wants to read durations passes `nowMs`.
// S1. Each sentence names the object and says what to do next, or that nothing needs to be done.

import type { StartRefusal } from '../activity-contract';
import { groupSentence, untoldGroups } from '../drain/blocker-groups';
import { blockerSentence, budgetText, podText } from '../blocker-sentences';
import type { CommandRefusal, Gate } from './control';
import { formatDuration, formatSeconds } from '../durations';
import type { FailureInfo } from '../failures';
import { standingText } from '../findings/acknowledgement';
import type { NeverReason } from '../preflight/acknowledgeable';
import type { Finding, FindingObject } from '../preflight/findings';
import { isBlocking } from '../preflight/judgement';
import type { ForceProblem, NotForced } from '../drain/force';
import { withSuggestion } from '../input-words';
import { boundedList } from '../lists';
import type { Words } from '../words';
import { say } from '../words';

/** Of objects that have a name and nothing else. */
const objectWords = {
  member: 'member',
  etcd: 'etcd',
  node: 'node',
  pool: 'pool',
  namespace: 'namespace',
  lease: 'lease',
  api: 'API',
  webhook: 'webhook',
  definition: 'CustomResourceDefinition',
  'aggregated-api': 'APIService',
  'helm-release': 'Helm release',
  addon: 'add-on',
  'volume-type': 'volume type',
} as const;

/** `node worker-3`, `disruption budget web/web-budget`. */
export function findingObjectText(object: FindingObject): string {
  if (object.kind === 'cluster') return 'cluster';
  if (object.kind === 'budget') return `disruption budget ${budgetText(object.budget)}`;
  if (object.kind === 'snapshot-store') return `snapshot store ${object.location}`;
  return `${objectWords[object.kind]} ${object.name}`;
}

/** `node worker-3: it is not Ready - look at its kubelet`. */
export function findingSentence({ object, message, remedy, acknowledgement }: Finding): string {
  const said = acknowledgement === undefined ? '' : ` (${standingText(acknowledgement)})`;
  return `${findingObjectText(object)}: ${message}${said} - ${remedy}`;
}

/** What happened and what to do about it. */
export function failureSentence(failure: FailureInfo): string {
  return `${failure.message} - ${failure.remedy}`;
}

const oneWay = '; it replaces machines, and there is no way back from that';

/** What a gate waits for and how it can be answered. */
export function gateSentence(gate: Gate, nowMs?: number): string {
  const sinceThen = (now: string, past: string): string =>
    nowMs === undefined ? now : `${past} for ${formatDuration(nowMs - gate.sinceMs)}`;
  switch (gate.kind) {
    case 'approval':
      return (
        `${gate.hop} ${sinceThen('waits', 'has waited')} for an approval` +
        `${gate.noWayBack === true ? oneWay : ''} - approve or reject ${gate.id}`
      );
    case 'step': {
      const findings = gate.findings.filter(isBlocking);
      const found = findings.map((finding) => `; ${findingSentence(finding)}`).join('');
      return (
        `step ${gate.step} of ${gate.hop} ${sinceThen('is stopped', 'has been stopped')}:` +
        ` ${failureSentence(gate.failure)}${found}` +
        ` - approve ${gate.id} to try the step again, ${otherAnswers(gate)}`
      );
    }
    case 'node': {
      const untold = untoldGroups(gate.blockers, gate.failure.message);
      const blockers = untold.map((group) => `; ${groupSentence(group, nowMs)}`).join('');
      return (
        `node ${gate.node} of pool ${gate.pool} ${sinceThen('is held', 'has been held')}:` +
        ` ${failureSentence(gate.failure)}${blockers}` +
        ` - retry, skip or quarantine node ${gate.node}, or roll back ${gate.hop}`
      );
    }
  }
}

/** Steps before a hop has changed anything, and of a rollback: there is nothing to roll back. */
const stepsWithoutWayBack = /^(?:plan|preflight|snapshot|rollback\b.*)$/;

function otherAnswers(gate: Extract<Gate, { readonly kind: 'step' }>): string {
  const { step, hop, proposes, noWayBack } = gate;
  if (noWayBack === true || stepsWithoutWayBack.test(step)) return 'or reject it to end here';
  const proposal = proposes === undefined ? '' : ', which is proposed: no pool of it has begun';
  return `reject it to end here, or roll back ${hop}${proposal}`;
}

const rollBackReasons = {
  'no-snapshot-yet': 'its snapshot is not verified yet, and nothing has changed so far',
  'next-hop-begun': 'a later hop has begun, and only the latest can be rolled back',
  'not-begun': 'it has not begun',
  'machines-replaced':
    'it replaces machines, which no snapshot brings back: set MachineDeployments to the version' +
    ' of before, by hand; a control plane does not go back',
  'already-rolling-back': 'it is being rolled back already',
} as const;

const notForced = {
  'not-named': 'is not named by the drain that failed',
  replaced: 'is another one than that which was looked at',
  finalizer: 'is held by finalizers, and deleting it again changes nothing',
  'in-grace': 'is leaving, and its grace period is not over',
} as const satisfies Record<NotForced, string>;

function forceProblemText({ pod, why }: ForceProblem): string {
  return `pod ${podText(pod)} ${notForced[why]}`;
}

const neverTexts: Readonly<Record<NeverReason, string>> = {
  'cannot-go-on': 'a step of the hop would fail whatever is accepted',
  'no-way-back': 'there would be no way back',
};

const refusalWords: Words<CommandRefusal> = {
  'gate-unknown': ({ gate, open }) =>
    `no gate ${gate} is open - ` +
    (open.length === 0 ? 'nothing waits for an answer' : `these are: ${open.join(', ')}`),
  'digest-stale': ({ given, current }) =>
    `the plan has changed: its digest is ${current}, not ${given}` +
    ' - look at the plan as it is now, then answer with its digest',
  'already-paused': () => 'the upgrade is paused already - resume it to go on',
  'not-paused': () => 'the upgrade is not paused - there is nothing to resume',
  'node-not-waiting': ({ node, waiting }) =>
    `node ${node} does not wait for a decision - ` +
    (waiting.length === 0 ? 'no node does' : `these do: ${waiting.join(', ')}`),
  'no-pods-to-force': ({ node, failure }) =>
    `node ${node} is held for ${failure}, and no drain of it has named pods that stay` +
    ' - retry the node; only pods that a drain could not move can be forced',
  'pods-not-forceable': ({ problems, forceable }) =>
    `${problems.map(forceProblemText).join('; ')} - ` +
    (forceable.length === 0
      ? 'no pod of this node can be forced now'
      : `these can be forced: ${forceable.map(podText).join(', ')}`),
  'pool-unknown': ({ pool, pools, meant }) =>
    `no pool of this upgrade is called ${pool} - ` +
    withSuggestion(`name one of ${pools.join(', ')}`, meant),
  'finding-unknown': ({ finding }) =>
    `${finding} is no finding of a check of this release` +
    ' - name one as ascent preflight -o json or the status does',
  'finding-not-acknowledgeable': ({ finding, why }) =>
    `nobody can answer for ${finding}: ${neverTexts[why]} - do what its remedy says`,
  'finding-changed': ({ finding, given, current }) =>
    `what was seen of ${finding} is not what is acknowledged: its digest is` +
    ` ${current.slice(0, 12)}, not ${given.slice(0, 12)} - look at it again, then acknowledge that`,
  'acknowledgement-unknown': ({ finding, known }) =>
    `nobody has acknowledged ${finding} - ` +
    (known.length === 0 ? 'there is nothing to revoke' : `these are: ${boundedList(known)}`),
  'rollback-unavailable': ({ hop, why }) => `${hop} cannot be rolled back: ${rollBackReasons[why]}`,
  'report-unknown': ({ given }) =>
    `${given} is not the digest of the last report of what a rollback would undo` +
    ' - look at a new one (rollback --preview), then confirm that',
  'report-changed': ({ current, differences }) =>
    `what the rollback would undo has changed: ${boundedList(differences)}` +
    ` - look at it again (rollback --preview), then confirm ${current.slice(0, 12)}`,
  'report-failed': ({ hop, failure }) =>
    `what a rollback of ${hop} would undo cannot be told: ${failure.message}` +
    ' - try again, or roll back without a report (--yes)',
  'not-planned-yet': () => 'the plan is not made yet - ask again in a few seconds',
  'upgrade-ended': ({ outcome }) =>
    `the upgrade has ended (${outcome}) - start another one to change the cluster`,
  'request-malformed': ({ problems }) =>
    `the request is malformed: ${problems.join('; ')} - correct it and send it again`,
  'upgrade-conflict': ({ differences }) =>
    `an upgrade of this cluster with another spec runs; they differ in ${differences.join(', ')}` +
    ` - ${paceRemedy(differences)}wait for its end, reject it or roll it back, then start again`,
};

/** What a person may change of an upgrade that runs; nothing where more than that differs. */
function paceRemedy(differences: readonly string[]): string {
  const pools = differences.map((path) => /^pools\.([^.]+)\.maxUnavailable$/.exec(path)?.[1]);
  if (pools.length === 0 || pools.includes(undefined)) return '';
  const commands = pools.map((pool) => `ascent set pool/${pool}`).join(', ');
  return `change it while that one runs (${commands}), or `;
}

/** Why a command was refused, and what to do instead. */
export function refusalSentence(refusal: CommandRefusal): string {
  return say(refusalWords, refusal);
}

const startWords: Words<StartRefusal> = {
  blocked: ({ blockers }) =>
    `no plan can be made: ${blockers.map((one) => blockerSentence(one)).join('; ')}`,
  'worker-missing': ({ taskQueue, waitedSeconds }) =>
    `no worker took work from ${taskQueue} within ${formatSeconds(waitedSeconds)}` +
    ' - start a worker that serves this cluster, then start again',
  'planning-failed': ({ failure }) =>
    `the cluster could not be looked at: ${failureSentence(failure)}`,
};

/** Why an upgrade was not started, all reasons at once. */
export function startRefusalSentence(refusal: StartRefusal): string {
  return say(startWords, refusal);
}
