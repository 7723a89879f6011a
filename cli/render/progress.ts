// One picture of a running upgrade: a tree of hops, steps, pool and nodes, what it waits for and
// how to answer. The live frame of `watch`, the answer of `status`, the demo.

import { count } from '../../domain/counts';
import { formatDuration, formatSeconds } from '../../domain/durations';
import type { Plan } from '../../domain/plan/plan';
import { holdSentence } from '../../domain/pool/admission-sentences';
import { limitSentence } from '../../domain/pool/pool-limits';
import type { HopOutcome, NodeProgress, UpgradeProgress } from '../../domain/status/progress';
import type { SetAsideNode } from '../../domain/drain/quarantine';
import { rungText } from '../../domain/rollback/rungs';
import { gateSentence } from '../../domain/status/sentences';
import { noWayBackText, wayBackEndText, dataKeptText } from '../../domain/status/way-back';
import { statusSentence, unsettledSentences } from '../../domain/status/status-sentences';
import { blockerLines } from './blocker-groups';
import { gateHints } from './hints';
import { accountLines } from './restore-account';
import type { StepRow } from './steps';
import { currentHopSteps } from './steps';
import type { Style } from './style';
import { wrap } from './text';

export interface ProgressView {
  /** Epoch milliseconds; durations that grow are counted to here. */
  readonly nowMs: number;
  readonly style: Style;
  /** Columns of the terminal. */
  readonly width: number;
  /** The plan as it is now; without it only what has begun is shown. */
  readonly plan?: Plan;
  /** How the executable is called in hints. */
  readonly program: string;
}

/** Lines without a final newline. */
export function renderProgress(progress: UpgradeProgress, view: ProgressView): readonly string[] {
  const { status } = progress;
  return [
    renderTitle(progress, view),
    ...renderSentence(progress, view),
    ...section(status.hops.flatMap((hop) => renderDoneHop(hop, view))),
    ...renderCurrentHop(progress, view),
    ...renderLaterHops(progress, view),
    ...renderLimits(progress, view),
    ...renderUnsettled(progress, view),
    ...renderGates(progress, view),
    ...renderWayBack(progress, view),
  ];
}

function section(lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : ['', ...lines];
}

function renderTitle({ status }: UpgradeProgress, { style, nowMs }: ProgressView): string {
  const journey =
    status.from === undefined || status.to === undefined ? '' : `  ${status.from} → ${status.to}`;
  const ran = status.startedAtMs === 0 ? '' : `  ${formatDuration(nowMs - status.startedAtMs)}`;
  return `${style.strong(status.cluster)}${journey}  ${status.phase}${style.faint(ran)}`;
}

/** The sentence for 03:00; where it would only say what the gates below say, they stand alone. */
function renderSentence(progress: UpgradeProgress, view: ProgressView): readonly string[] {
  const { gates, phase } = progress.status;
  const isSaidBelow = phase === 'waiting-for-approval' || phase === 'needs-operator';
  if (isSaidBelow && gates.length > 0) return [];
  const style = sentenceStyle(progress, view.style);
  return wrap(statusSentence(progress.status, view.nowMs), view.width).map(style);
}

function sentenceStyle({ status }: UpgradeProgress, style: Style): (text: string) => string {
  if (status.phase !== 'ended') return (text) => text;
  return status.result?.outcome === 'completed' ? style.good : style.wait;
}

const accountIndent = '    ';
const hopMarks = { completed: '✔', 'rolled-back': '↩', stopped: '■' } as const;

function renderDoneHop(hop: HopOutcome, { style, width }: ProgressView): readonly string[] {
  const mark = hopMarks[hop.outcome];
  const evicted = hop.nodes.reduce((sum, node) => sum + node.evicted, 0);
  const line =
    `${hop.outcome === 'completed' ? style.good(mark) : style.wait(mark)} ${hop.hop}` +
    `  ${hop.from} → ${hop.to}  ${hop.outcome}` +
    ` in ${formatDuration(hop.endedAtMs - hop.startedAtMs)}` +
    `  ${count(hop.nodes.length, 'node')}, ${count(evicted, 'pod')} evicted`;
  const account = accountLines(hop.account).flatMap(({ text, isFine }) =>
    wrap(text, width - accountIndent.length).map(
      (part) => accountIndent + (isFine ? style.faint(part) : style.wait(part)),
    ),
  );
  return [line, ...account];
}

function renderCurrentHop(progress: UpgradeProgress, view: ProgressView): readonly string[] {
  const { hop, phase, hops } = progress.status;
  const isDone = hops.some((outcome) => outcome.hop === hop?.id);
  if (hop === undefined || phase === 'ended' || isDone) return [];
  const planned = view.plan?.hops.find(({ id }) => id === hop.id);
  const versions = planned === undefined ? '' : `  ${planned.from} → ${planned.to}`;
  return [
    ...(hops.length === 0 ? [''] : []),
    `${view.style.busy('●')} ${view.style.strong(hop.id)}${versions}` +
      `  hop ${hop.position} of ${hop.count}`,
    ...currentHopSteps(progress, planned).flatMap((row) => renderStep(row, progress, view)),
  ];
}

function renderStep(
  row: StepRow,
  progress: UpgradeProgress,
  { style, nowMs, width }: ProgressView,
): readonly string[] {
  switch (row.state) {
    case 'done': {
      const took = row.seconds === undefined ? '' : style.faint(`  ${formatSeconds(row.seconds)}`);
      return [`    ${style.good('✔')} ${row.label}${took}`];
    }
    case 'later':
      return [style.faint(`    ○ ${row.label}`)];
    case 'now': {
      const since = progress.status.hop?.stepSinceMs ?? nowMs;
      const line = `    ${style.busy('●')} ${row.label}  ${formatDuration(nowMs - since)}`;
      if (!row.label.startsWith('pool ')) return [line, ...phaseLines(row, progress, width)];
      return [
        line + poolText(progress),
        ...progress.nodes.flatMap((node) => renderNode(node, { style, nowMs, width })),
        ...(progress.pool?.setAside ?? []).flatMap((node) =>
          renderSetAside(node, { style, nowMs, width }),
        ),
        ...heldLines(progress, width).map(style.wait),
      ];
    }
  }
}

const barWidth = 20;
const heldIndent = '        ';

function poolText({ pool }: UpgradeProgress): string {
  if (pool === undefined || pool.total === 0) return '';
  const full = Math.floor((pool.done.length * barWidth) / pool.total);
  const bar = '█'.repeat(full) + '░'.repeat(barWidth - full);
  const paused = pool.paused ? ', paused' : '';
  return `  ${bar}  ${pool.done.length} of ${count(pool.total, 'node')}${paused}`;
}

/**
 * How far it is, or who is waited for, in the words of those who do it. Of a restore, what to run
 * by hand is said there as well: nobody else can where no API server serves.
 */
function phaseLines(
  { label }: StepRow,
  { rollout, images, restoring }: UpgradeProgress,
  width: number,
): readonly string[] {
  const ofRollout = /^(rollout |replace-members$)/.test(label) ? rollout?.phase : undefined;
  const told = { images: images, 'rollback restore': restoring }[label] ?? ofRollout;
  return told === undefined ? [] : wrap(told, width, heldIndent);
}

/** Which nodes would be next, and what is in their way. */
function heldLines({ held }: UpgradeProgress, width: number): readonly string[] {
  if (held === undefined) return [];
  const lines = held.nodes.map(
    ({ node, holds }) => `${node} waits: ${holds.map(holdSentence).join('; ')}`,
  );
  const more = held.more === 0 ? [] : [`${count(held.more, 'more node')} held as well`];
  return [...lines, ...more].flatMap((line) => wrap(line, width, heldIndent));
}

function renderNode(
  node: NodeProgress,
  { style, nowMs, width }: Pick<ProgressView, 'style' | 'nowMs' | 'width'>,
): readonly string[] {
  const phase = node.phase === 'held' ? style.bad(node.phase) : node.phase;
  const drained =
    node.evicted === undefined || node.phase !== 'draining'
      ? ''
      : `  ${count(node.evicted, 'pod')} evicted, ${node.remaining ?? 0} left`;
  return [
    `        ${node.node}  ${phase}  ${formatDuration(nowMs - node.phaseSinceMs)}${drained}`,
    ...blockerLines(node.blockers, { nowMs, width, indent: '          ' }).map(style.wait),
  ];
}

function renderSetAside(
  { node, sinceMs, why }: SetAsideNode,
  { style, nowMs, width }: Pick<ProgressView, 'style' | 'nowMs' | 'width'>,
): readonly string[] {
  const indent = '          ';
  return [
    `        ${node}  ${style.wait('set aside')}  ${formatDuration(nowMs - sinceMs)}`,
    ...wrap(why, width, indent).map(style.wait),
  ];
}

function renderLaterHops({ status }: UpgradeProgress, view: ProgressView): readonly string[] {
  const { plan, style } = view;
  if (plan === undefined || status.phase === 'ended' || status.phase === 'rolling-back') return [];
  const begun = new Set([...status.hops.map(({ hop }) => hop), status.hop?.id]);
  const waiting = new Set(status.gates.map(({ hop }) => hop));
  return plan.hops
    .filter(({ id }) => !begun.has(id))
    .map((hop) => {
      const line = `${hop.id}  ${hop.from} → ${hop.to}`;
      if (waiting.has(hop.id)) return `${style.wait('◌')} ${line}  waits for an approval`;
      const asks = hop.approval === 'required' ? '  asks for an approval' : '';
      return style.faint(`○ ${line}${asks}`);
    });
}

/** What differs from the plan because a person has changed it. */
function renderLimits({ status }: UpgradeProgress, { width }: ProgressView): readonly string[] {
  if (status.phase === 'ended') return [];
  return section((status.limits ?? []).flatMap((limit) => wrap(limitSentence(limit), width)));
}

function renderUnsettled(
  { status, unsettled = [] }: UpgradeProgress,
  { style, width, nowMs }: ProgressView,
): readonly string[] {
  const sentences = unsettledSentences(status.cluster, unsettled, nowMs);
  return section(sentences.flatMap((sentence) => marked(sentence, width).map(style.bad)));
}

/** Wrapped, with an exclamation mark before the first line. */
function marked(sentence: string, width: number): readonly string[] {
  return wrap(sentence, width - 2).map((line, index) => `${index === 0 ? '!' : ' '} ${line}`);
}

function renderGates({ status }: UpgradeProgress, view: ProgressView): readonly string[] {
  const { style, width, nowMs, program } = view;
  const context = { program, cluster: status.cluster };
  return section(
    status.gates.flatMap((gate) => [
      ...marked(gateSentence(gate, nowMs), width).map(style.wait),
      ...gateHints(gate, status, context).map((hint) => `    ${style.strong(hint)}`),
    ]),
  );
}

function renderWayBack({ status }: UpgradeProgress, view: ProgressView): readonly string[] {
  const { noWayBack: closed = [], rollBackTo } = status;
  const { nowMs, program, style, width } = view;
  if (status.phase === 'ended' || status.phase === 'rolling-back') return [];
  const until = rollBackTo?.until;
  const isHinted = status.gates.length > 0;
  const command =
    rollBackTo === undefined || isHinted
      ? []
      : [`back to ${rollBackTo.at}: ${program} rollback ${status.cluster} ${rollBackTo.hop}`];
  const lines = [
    ...command,
    ...(rollBackTo === undefined || until === undefined
      ? []
      : wrap(`${rollBackTo.hop} can be rolled back ${wayBackEndText(until, nowMs)}`, width)),
    ...(rollBackTo?.cheapest === undefined
      ? []
      : wrap(
          rungText(rollBackTo.cheapest) + dataKeptText(rollBackTo.dataKeptUntilMs, nowMs),
          width,
        )),
    ...closed.flatMap((one) => wrap(noWayBackText(one), width)),
  ];
  return section(lines.map(style.faint));
}
