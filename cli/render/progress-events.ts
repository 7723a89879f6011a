// What has happened between two looks at an upgrade, one line each: how `watch` speaks where there
// is no terminal. Lines have no time of their own; who prints them puts it in front.
// V1. Everything that a person must answer is told, once, when it opens.

import { count } from '../../domain/counts';
import { blockerGroups, groupSentence } from '../../domain/drain/blocker-groups';
import { formatSeconds } from '../../domain/durations';
import type {
  HopOutcome,
  NodeOutcome,
  NodeProgress,
  UnsettledActivity,
  UpgradeProgress,
  UpgradeStatus,
} from '../../domain/status/progress';
import { limitSentence } from '../../domain/pool/pool-limits';
import { gateSentence } from '../../domain/status/sentences';
import { resultSentence, unsettledSentences } from '../../domain/status/status-sentences';
import { gateHints } from './hints';
import { accountLines } from './restore-account';

export interface EventView {
  /** How the executable is called in hints. */
  readonly program: string;
}

/** `before` is undefined at the first look: then the state itself is the news. */
export function progressEvents(
  before: UpgradeProgress | undefined,
  after: UpgradeProgress,
  view: EventView,
): readonly string[] {
  return [
    ...phaseEvents(before, after),
    ...limitEvents(before, after),
    ...hopEvents(before, after),
    ...doneNodeEvents(before, after),
    ...nodeEvents(before, after),
    ...setAsideEvents(before, after),
    ...unsettledEvents(before, after),
    ...gateEvents(before, after, view),
    ...endEvents(before, after),
  ];
}

function phaseEvents(before: UpgradeProgress | undefined, after: UpgradeProgress): string[] {
  const { phase, paused } = after.status;
  if (before?.status.phase === phase || phase === 'ended') return [];
  const isPause = phase === 'paused' || phase === 'pausing';
  return [isPause && paused !== undefined ? `${phase} by ${paused.by}: ${paused.reason}` : phase];
}

function limitEvents(before: UpgradeProgress | undefined, after: UpgradeProgress): string[] {
  const { limits = [], phase } = after.status;
  if (phase === 'ended') return [];
  const was = before?.status.limits ?? [];
  const known = new Set(was.map(({ pool, sinceMs }) => `${pool} ${sinceMs}`));
  const changed = new Set(limits.map(({ pool }) => pool));
  return [
    ...limits.filter(({ pool, sinceMs }) => !known.has(`${pool} ${sinceMs}`)).map(limitSentence),
    ...was
      .filter(({ pool }) => !changed.has(pool))
      .map(({ pool }) => `pool ${pool}: maxUnavailable is as planned again`),
  ];
}

function hopEvents(before: UpgradeProgress | undefined, after: UpgradeProgress): string[] {
  return [
    ...newSteps(before, after).map(
      ([label, seconds]) => `${label} done in ${formatSeconds(seconds)}`,
    ),
    ...endedHops(before, after).flatMap((one) => {
      const seconds = (one.endedAtMs - one.startedAtMs) / 1_000;
      const evicted = one.nodes.reduce((sum, node) => sum + node.evicted, 0);
      return [
        `${one.hop} ${one.outcome}, ${one.from} → ${one.to}, in ${formatSeconds(seconds)},` +
          ` ${count(one.nodes.length, 'node')}, ${count(evicted, 'pod')} evicted`,
        ...accountLines(one.account).map(({ text }) => `${one.hop}: ${text}`),
      ];
    }),
    ...currentStepEvents(before?.status.hop, after),
  ];
}

/** A hop that is rolled back had ended before, as stopped or completed: it ends once more. */
function endedHops(
  before: UpgradeProgress | undefined,
  after: UpgradeProgress,
): readonly HopOutcome[] {
  const endOf = ({ hop, outcome, endedAtMs }: HopOutcome): string =>
    `${hop} ${outcome} ${endedAtMs}`;
  const known = new Set(before?.status.hops.map(endOf));
  return after.status.hops.filter((hop) => !known.has(endOf(hop)));
}

function currentStepEvents(was: UpgradeStatus['hop'], { status }: UpgradeProgress): string[] {
  const { hop, phase } = status;
  if (hop === undefined || phase === 'ended' || phase === 'waiting-for-approval') return [];
  const isNewHop = hop.id !== was?.id;
  const isNewStep = hop.step !== '' && (isNewHop || hop.step !== was.step);
  return [
    ...(isNewHop ? [`${hop.id} is hop ${hop.position} of ${hop.count}`] : []),
    ...(isNewStep ? [`${hop.id}: ${hop.step}`] : []),
  ];
}

function newSteps(
  before: UpgradeProgress | undefined,
  after: UpgradeProgress,
): readonly (readonly [string, number])[] {
  const isSameHop = before?.status.hop?.id === after.status.hop?.id;
  const known = isSameHop ? (before?.stepSeconds ?? {}) : {};
  return Object.entries(after.stepSeconds ?? {}).filter(([label]) => known[label] === undefined);
}

function doneNodeEvents(before: UpgradeProgress | undefined, after: UpgradeProgress): string[] {
  if (after.pool === undefined) return [];
  const isSamePool =
    before?.pool?.pool === after.pool.pool && before.status.hop?.id === after.status.hop?.id;
  const known = new Set(isSamePool ? before?.pool?.done.map(({ node }) => node) : []);
  return after.pool.done.filter(({ node }) => !known.has(node)).map(outcomeText);
}

function outcomeText(outcome: NodeOutcome): string {
  const { node, before, after } = outcome;
  const versions = before === after ? `stays ${after}` : `${before} → ${after}`;
  return (
    `${node} ${outcome.outcome}, ${versions}, in ${formatSeconds(outcome.seconds)},` +
    ` ${count(outcome.evicted, 'pod')} evicted`
  );
}

function nodeEvents(before: UpgradeProgress | undefined, after: UpgradeProgress): string[] {
  return after.nodes.flatMap((node) => {
    const was = before?.nodes.find((other) => other.node === node.node);
    const phase = was?.phase === node.phase ? [] : [`${node.node} ${node.phase}`];
    return [...phase, ...blockerEvents(was, node)];
  });
}

function setAsideEvents(before: UpgradeProgress | undefined, after: UpgradeProgress): string[] {
  const known = new Set(before?.pool?.setAside?.map(({ node }) => node));
  const news = (after.pool?.setAside ?? []).filter(({ node }) => !known.has(node));
  return news.map(({ node, why }) => `${node} is set aside until the others are done: ${why}`);
}

/** Each reason is told once, however many pods it concerns and however long it stands. */
function blockerEvents(was: NodeProgress | undefined, node: NodeProgress): string[] {
  const known = new Set(blockerGroups(was?.blockers ?? []).map(({ key }) => key));
  return blockerGroups(node.blockers)
    .filter(({ key }) => !known.has(key))
    .map((group) => `${node.node} waits: ${groupSentence(group)}`);
}

/** A budget that says "not yet" for a moment is how drains go; this long it is news. */
const standingMs = 5_000;

/** The progress without blockers that have only just come up: for those who print every line. */
export function withStandingBlockers(progress: UpgradeProgress, nowMs: number): UpgradeProgress {
  const nodes = progress.nodes.map((node) => ({
    ...node,
    blockers: node.blockers.filter(({ sinceMs }) => nowMs - sinceMs >= standingMs),
  }));
  return { ...progress, nodes };
}

/** Told when it comes up; that it is over is seen by what happens next. */
function unsettledEvents(before: UpgradeProgress | undefined, after: UpgradeProgress): string[] {
  const { cluster } = after.status;
  const known = new Set(before?.unsettled?.map(unsettledKey));
  const news = after.unsettled?.filter((one) => !known.has(unsettledKey(one))) ?? [];
  return [...unsettledSentences(cluster, news)];
}

function unsettledKey(one: UnsettledActivity): string {
  const why = one.code === 'failing' ? one.message : one.code;
  return `${one.activity} ${one.workflowId} ${why}`;
}

function gateEvents(
  before: UpgradeProgress | undefined,
  after: UpgradeProgress,
  view: EventView,
): string[] {
  const { status } = after;
  const open = new Set(status.gates.map(({ id }) => id));
  const was = before?.status.gates ?? [];
  // A gate that closed and opened again between two looks has another beginning.
  const known = new Set(was.map(({ id, sinceMs }) => `${id} ${sinceMs}`));
  return [
    ...was.filter(({ id }) => !open.has(id)).map(({ id }) => `${id} is settled`),
    ...status.gates
      .filter(({ id, sinceMs }) => !known.has(`${id} ${sinceMs}`))
      .flatMap((gate) => [
        gateSentence(gate),
        ...gateHints(gate, status, { ...view, cluster: status.cluster }).map((line) => `  ${line}`),
      ]),
  ];
}

function endEvents(before: UpgradeProgress | undefined, after: UpgradeProgress): string[] {
  const { result, cluster } = after.status;
  if (result === undefined || before?.status.result !== undefined) return [];
  return [resultSentence(cluster, result)];
}
