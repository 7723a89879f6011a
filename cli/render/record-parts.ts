// The sections of the page of a change record, each from its view. What they say is HTML already.

import { formatDuration, formatSeconds } from '../../domain/durations';
import type { FindingStory } from '../../domain/record/finding-stories';
import type { RecordedHop, RecordedRequest } from '../../domain/record/record';
import type {
  NodeLine,
  RecordedDecision,
  RecordView,
  RollBackStory,
  VersionChange,
} from '../../domain/record/record-view';
import type { StepSpan } from '../../domain/record/timeline';
import { findingObjectText } from '../../domain/status/sentences';
import { stepLabel } from '../../domain/status/step-labels';
import type { Plan } from '../../domain/plan/plan';
import { escaped, tableElement, timeElement } from './record-html';
import { accountLines } from './restore-account';
import { formatBytes } from './text';

function code(text: string): string {
  return `<code>${escaped(text)}</code>`;
}

/** A short name that does not break. */
function eventCode(event: string): string {
  return `<code class="event">${escaped(event)}</code>`;
}

export function decisionParts({ decisions }: RecordView): readonly string[] {
  if (decisions.length === 0) return [];
  return [
    tableElement({
      caption: 'Who asked for what, why, and what came of it; the numbers are in the picture',
      head: ['No.', 'Time (UTC)', 'Who', 'What', 'Why', 'As it was told'],
      rows: decisions.map(decisionRow),
      numbers: [0],
    }),
  ];
}

function decisionRow({ number, entry, request }: RecordedDecision): readonly string[] {
  const { gate, node, hop, finding, planDigest } = {
    ...entry,
    ...request,
  } as Partial<RecordedRequest>;
  const about = gate ?? node ?? finding ?? hop ?? '';
  const plan = planDigest === undefined ? '' : `<br>plan ${code(planDigest.slice(0, 12))}`;
  return [
    String(number),
    timeElement(entry.atMs),
    escaped(entry.actor),
    `${eventCode(entry.event)}${about === '' ? '' : `<br>${escaped(about)}`}${plan}`,
    escaped(request?.reason ?? ''),
    escaped(entry.text),
  ];
}

/** A kubelet is one of many: those that changed alike are one row. */
export function versionParts({ versions }: RecordView): readonly string[] {
  if (versions.length === 0) return [];
  const kubelets = new Map<string, VersionChange & { readonly count: number }>();
  const others: VersionChange[] = [];
  for (const change of versions) {
    if (!change.what.startsWith('kubelet of ')) others.push(change);
    else {
      const key = `${change.before} ${change.after}`;
      const known = kubelets.get(key);
      kubelets.set(key, { ...(known ?? change), count: (known?.count ?? 0) + 1 });
    }
  }
  const rows = [
    ...others.map(({ what, before, after }) => [escaped(what), escaped(before), escaped(after)]),
    ...[...kubelets.values()].map(({ what, before, after, count }) => [
      escaped(count === 1 ? what : `kubelets of ${count} nodes`),
      escaped(before),
      escaped(after),
    ]),
  ];
  const head = ['What', 'Before', 'After'];
  return [tableElement({ caption: 'Versions that were seen', head, rows })];
}

export function hopParts(view: RecordView): readonly string[] {
  const { hops, timeline, nodes } = view;
  return timeline.lanes.flatMap(({ hop, steps }) => {
    const told = hops.find((one) => one.hop === hop);
    const isRunning = steps.some((step) => step.isRunning === true);
    return [
      `<h3>${escaped(hopTitle(hop, told, isRunning))}</h3>`,
      stepTable(hop, steps),
      ...memberTable(hop, told),
      ...nodeTable(
        hop,
        nodes.filter((node) => node.hop === hop),
      ),
    ];
  });
}

function hopTitle(hop: string, told: RecordedHop | undefined, isRunning: boolean): string {
  if (told === undefined) return `${hop}: under way`;
  const { from, to, outcome, startedAtMs, endedAtMs } = told;
  const stand = isRunning ? 'is rolled back now' : outcome;
  return `${hop}, ${from} → ${to}: ${stand}, ${formatDuration(endedAtMs - startedAtMs)}`;
}

function stepTable(hop: string, steps: readonly StepSpan[]): string {
  const longest = steps.reduce((most, step) => Math.max(most, spanOf(step)), 1);
  const rows = steps.map((step) => {
    const share = Math.round((spanOf(step) / longest) * 1_000) / 10;
    const laid = step.isLaidOut === true ? ' <span class="soft">about</span>' : '';
    return [
      escaped(step.label),
      `${timeElement(step.startMs)}${laid}`,
      `${escaped(tookText(step))}`,
      `<span class="meter bar-${step.sort}" style="width: ${share * 1.6}px"></span>`,
    ];
  });
  return tableElement({
    caption: `Steps of ${hop}`,
    head: ['Step', 'Begun (UTC)', 'Took', ''],
    rows,
    numbers: [2],
  });
}

function spanOf({ startMs, endMs }: StepSpan): number {
  return endMs - startMs;
}

function tookText(step: StepSpan): string {
  const { seconds, isRunning } = step;
  const took = seconds === undefined ? formatDuration(spanOf(step)) : formatSeconds(seconds);
  return isRunning === true ? `${took}, under way` : took;
}

function memberTable(hop: string, told: RecordedHop | undefined): readonly string[] {
  if (told === undefined || told.members.length === 0) return [];
  const rows = told.members.map(({ member, component, before, after, changed, seconds }) => [
    escaped(member),
    escaped(component),
    escaped(before),
    escaped(after),
    changed ? escaped(formatSeconds(seconds)) : 'was done already',
  ]);
  const head = ['Member', 'Component', 'Before', 'After', 'Took'];
  return [tableElement({ caption: `Control plane in ${hop}`, head, rows, numbers: [4] })];
}

function nodeTable(hop: string, nodes: readonly NodeLine[]): readonly string[] {
  if (nodes.length === 0) return [];
  const evicted = nodes.reduce((sum, node) => sum + node.evicted, 0);
  const refusals = nodes.reduce((sum, node) => sum + node.refusals, 0);
  const rows = nodes.map((node) => [
    escaped(node.node),
    `<span class="${outcomeClass(node)}">${escaped(node.outcome)}</span>`,
    escaped(node.before),
    escaped(node.after),
    String(node.evicted),
    String(node.refusals),
    escaped(formatSeconds(node.seconds)),
  ]);
  return [
    tableElement({
      caption:
        `Nodes in ${hop}: ${nodes.length}, with ${evicted} pods evicted and` +
        ` ${refusals} evictions refused by disruption budgets for a while`,
      head: ['Node', 'Outcome', 'Before', 'After', 'Evicted', 'Refusals', 'Took'],
      rows,
      numbers: [4, 5, 6],
    }),
  ];
}

function outcomeClass({ outcome }: NodeLine): string {
  if (outcome === 'upgraded' || outcome === 'already-done') return 'good';
  return outcome === 'undone' ? 'bad' : 'wait';
}

const endTexts = {
  gone: 'gone at a later look',
  stood: 'stood; the hop went on with it',
  accepted: 'blocked, and the hop went on: a person had answered for it',
  held: 'was still there at the last look, and held the hop',
} as const satisfies Record<FindingStory['end'], string>;

const severityClasses = { blocks: 'bad', warns: 'wait', notes: 'soft' } as const;

export function findingParts({ findings }: RecordView): readonly string[] {
  if (findings.length === 0) return [];
  const rows = findings.map(({ hop, step, finding, firstSeenMs, lastSeenMs, end }) => [
    `${escaped(hop)}<br><span class="soft">${escaped(step)}</span>`,
    `<span class="${severityClasses[finding.severity]}">${escaped(finding.severity)}</span>`,
    `${code(finding.code)}<br>${escaped(findingObjectText(finding.object))}`,
    `${escaped(finding.message)}<br><span class="soft">${escaped(finding.remedy)}</span>`,
    firstSeenMs === lastSeenMs
      ? timeElement(firstSeenMs)
      : `${timeElement(firstSeenMs)}<br>${timeElement(lastSeenMs)}`,
    escaped(endTexts[end]),
  ]);
  return [
    tableElement({
      caption: 'What was found before a hop, or by a step of it',
      head: ['Hop', 'Severity', 'What', 'Evidence and remedy', 'Seen first, last (UTC)', 'End'],
      rows,
    }),
  ];
}

export function snapshotParts({ hops }: RecordView): readonly string[] {
  const rows = hops.flatMap(({ hop, snapshot }) => {
    if (snapshot === undefined) return [];
    const { id, takenAt, kubeVersion, etcdVersion, revision, totalKeys, sizeBytes } = snapshot;
    return [
      [
        escaped(hop),
        `${code(id)}<br>${escaped(snapshot.location)}`,
        escaped(takenAt),
        escaped(`${kubeVersion}, etcd ${etcdVersion}`),
        escaped(`${revision}, ${totalKeys} keys, ${formatBytes(sizeBytes)}`),
        `<span class="hash">${escaped(snapshot.sha256)}</span>`,
      ],
    ];
  });
  if (rows.length === 0) return [];
  const head = ['Hop', 'Snapshot', 'Taken', 'Of', 'Revision', 'SHA-256'];
  return [tableElement({ caption: 'Verified snapshots of etcd, one before each hop', head, rows })];
}

export function rollBackParts({ rollBacks }: RecordView): readonly string[] {
  return rollBacks.flatMap(rollBackPart);
}

function rollBackPart({ hop: told, decision }: RollBackStory): readonly string[] {
  const { hop, from, to, keptData, account, snapshot } = told;
  const how =
    keptData === true
      ? 'by the old programs, on the same data: nothing that was written is lost'
      : `by a restore of ${snapshot === undefined ? 'its snapshot' : code(snapshot.id)}:` +
        ' what was written after it is lost';
  const why = decision?.request?.reason ?? decision?.entry.text;
  const who =
    decision === undefined
      ? 'Who asked for it is not known any more.'
      : `Asked for by ${escaped(decision.entry.actor)} at ${timeElement(decision.entry.atMs)}` +
        ` (no. ${decision.number}): ${escaped(why ?? '')}`;
  const lines = accountLines(account).map(
    ({ text, isFine }) => `<li${isFine ? '' : ' class="wait"'}>${escaped(text)}</li>`,
  );
  return [
    `<h3>${escaped(`${hop}: from ${to} back to ${from}`)}</h3>`,
    `<p>It was rolled back ${how}.</p>`,
    `<p>${who}</p>`,
    lines.length === 0
      ? '<p class="soft">What the restore has left over was not looked at.</p>'
      : `<ul>${lines.join('\n')}</ul>`,
  ];
}

/** Earlier plans are in the record as well; of them their digest is told. */
export function planParts({ plans }: RecordView): readonly string[] {
  const last = plans.at(-1);
  if (last === undefined) return [];
  const earlier = plans.slice(0, -1).map(({ digest }) => `<li>${code(digest)}</li>`);
  const rows = last.hops.map((hop) => [
    escaped(hop.id),
    escaped(`${hop.from} → ${hop.to}`),
    hop.approval === 'required' ? 'asked for' : 'not asked for',
    escaped(hop.steps.map(stepText).join(', ')),
  ]);
  const head = ['Hop', 'Versions', 'Approval', 'Steps'];
  return [
    `<p>Digest ${code(last.digest)}, from ${escaped(last.from)} to ${escaped(last.to)}.</p>`,
    tableElement({ caption: 'What the plan has in which order', head, rows }),
    ...(earlier.length === 0
      ? []
      : [`<p>Plans before it, which it took over from:</p>\n<ul>${earlier.join('')}</ul>`]),
  ];
}

function stepText(step: Plan['hops'][number]['steps'][number]): string {
  const label = stepLabel(step);
  if (step.kind === 'pool') {
    return `${label} (${step.nodes.length} nodes, ${step.maxUnavailable} at once)`;
  }
  return step.kind === 'soak' ? `${label} (${formatDuration(step.durationMs)})` : label;
}

export function trailParts({ trail }: RecordView): readonly string[] {
  if (trail.length === 0) return [];
  const rows = trail.map(({ atMs, actor, event, text }) => [
    timeElement(atMs),
    escaped(actor),
    eventCode(event),
    escaped(text),
  ]);
  const head = ['Time (UTC)', 'Who', 'Event', 'What'];
  return [tableElement({ caption: 'Every line that is known, oldest first', head, rows })];
}
