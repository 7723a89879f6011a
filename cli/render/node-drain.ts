// The drain of one node for people: what it would do, where it stands, how it ended.

import { count } from '../../domain/counts';
import type { NodePreview } from '../../activities/drain/drain-preview';
import {
  type BlockerGroup,
  blockerGroups,
  groupSentence,
  untoldGroups,
} from '../../domain/drain/blocker-groups';
import type { DrainBlocker } from '../../domain/blockers';
import { formatDuration } from '../../domain/durations';
import type { DrainEnd, DrainLook } from '../../domain/drain/node-drain';
import { drainEndSentence, drainStatusSentence } from '../../domain/drain/node-drain-sentences';
import { unsettledSentences } from '../../domain/status/status-sentences';
import { blockerLines, groupLines } from './blocker-groups';
import type { Style } from './style';
import { columns, wrap } from './text';

interface View {
  readonly nowMs: number;
  readonly style: Style;
  readonly width: number;
}

const verdictOrder = ['refuse', 'wait', 'evict', 'skip'] as const;

/** Pods that forbid the drain first, those that stay last. */
export function renderPreview(preview: NodePreview, style: Style): readonly string[] {
  const { node, pods } = preview;
  const title = style.strong(`A drain of node ${node} would ${tallyText(preview)}`);
  if (pods.length === 0) return [title];
  const rows = verdictOrder.flatMap((verdict) =>
    pods
      .filter((pod) => pod.verdict === verdict)
      .map(({ namespace, name, reasons }) => [verdict, `${namespace}/${name}`, reasons.join(', ')]),
  );
  const [head = '', ...lines] = columns([['VERDICT', 'POD', 'REASON'], ...rows], '  ');
  const styled = lines.map((line, index) =>
    rows[index]?.[0] === 'refuse' ? style.bad(line) : line,
  );
  return [title, style.faint(head), ...styled];
}

const verdictTexts = {
  wait: (pods: string) => `wait for ${pods}`,
  evict: (pods: string) => `evict ${pods}`,
  skip: (pods: string) => `leave ${pods} alone`,
} as const;

/** One pod that forbids it keeps all others, too. */
function tallyText({ pods }: NodePreview): string {
  if (pods.length === 0) return 'find no pod';
  const counted = (verdict: (typeof verdictOrder)[number]): number =>
    pods.filter((pod) => pod.verdict === verdict).length;
  const acts = (['wait', 'evict', 'skip'] as const).flatMap((verdict) =>
    counted(verdict) === 0 ? [] : [verdictTexts[verdict](count(counted(verdict), 'pod'))],
  );
  const refused = counted('refuse');
  if (refused === 0) return acts.join(', ');
  const otherwise = acts.length === 0 ? '' : `, else ${acts.join(', ')}`;
  return `be refused because of ${count(refused, 'pod')}${otherwise}`;
}

/** One picture of a drain that runs. */
export function renderLook(look: DrainLook, { nowMs, style, width }: View): readonly string[] {
  const { status, evicted, remaining, blockers, unsettled = [] } = look;
  const pods =
    evicted === undefined ? '' : `  ${count(evicted, 'pod')} evicted, ${remaining ?? 0} left`;
  const since = formatDuration(nowMs - status.phaseSinceMs);
  return [
    `${style.strong(status.node)}  ${status.phase}  ${since}${pods}`,
    ...blockerLines(blockers, { nowMs, width, indent: '  ' }).map(style.wait),
    ...unsettledSentences(status.cluster, unsettled, nowMs).flatMap((sentence) =>
      wrap(sentence, width, '  ').map(style.bad),
    ),
  ];
}

/** A budget that says "not yet" for a moment is how drains go; this long it is news. */
const standingMs = 5_000;

/** The look without blockers that have only just come up: for those who print every line. */
export function standingLook(look: DrainLook, nowMs: number): DrainLook {
  const isStanding = ({ sinceMs }: DrainBlocker): boolean => nowMs - sinceMs >= standingMs;
  return { ...look, blockers: look.blockers.filter(isStanding) };
}

/** What is new since the look before, one line each; each reason is told once. */
export function lookEvents(before: DrainLook | undefined, after: DrainLook): readonly string[] {
  const { status } = after;
  const isPhaseNew = before?.status.phase !== status.phase && status.phase !== 'ended';
  const known = new Set(blockerGroups(before?.blockers ?? []).map(({ key }) => key));
  const told = new Set(unsettledSentences(status.cluster, before?.unsettled ?? []));
  return [
    ...(isPhaseNew ? [drainStatusSentence(status)] : []),
    ...blockerGroups(after.blockers)
      .filter(({ key }) => !known.has(key))
      .map((group) => `${status.node} waits: ${groupSentence(group)}`),
    ...unsettledSentences(status.cluster, after.unsettled ?? []).filter(
      (sentence) => !told.has(sentence),
    ),
  ];
}

/** How it ended, with what keeps its pods. */
export function renderEnd(
  node: string,
  end: DrainEnd,
  { nowMs, style, width }: View,
): readonly string[] {
  const isDone = end.outcome === 'drained';
  return [
    ...wrap(drainEndSentence(node, end), width).map(isDone ? style.good : style.bad),
    ...groupLines(untoldBlockers(end), { nowMs, width, indent: '  ' }).map(style.wait),
  ];
}

/** The message of a drain that failed names the first few itself. */
function untoldBlockers(end: DrainEnd): readonly BlockerGroup[] {
  if (end.outcome !== 'not-drained') return [];
  return untoldGroups(end.blockers, end.failure.message);
}
