// The change record as one page that needs nothing else: no script runs in it, and nothing is
// loaded. It holds the record itself as well, so that it can be checked (cli/record-file.ts).
// P1. The same record and the same release give the same page, to the letter: who changes what the
//     page shows, and leaves the record in it, is found by making it again.

import { formatDuration } from '../../domain/durations';
import type { ChangeRecord } from '../../domain/record/record';
import { missingSentence, recordSentence } from '../../domain/record/record-sentences';
import type { RecordView } from '../../domain/record/record-view';
import { viewOf } from '../../domain/record/record-view';
import { escaped, sectionElement, timeElement, timeText } from './record-html';
import {
  decisionParts,
  findingParts,
  hopParts,
  planParts,
  rollBackParts,
  snapshotParts,
  trailParts,
  versionParts,
} from './record-parts';
import { recordPicture } from './record-picture';
import { recordStyle } from './record-style';

export const recordDataOpening = '<script type="application/json" id="ascent-change-record">';
export const recordDataClosing = '</script>';

/** `release`: of Ascent, which makes the page. Throws for data that is not as a record has it. */
export function renderRecordPage(record: ChangeRecord, release: string): string {
  const view = viewOf(record.entries);
  const title = `Change record: ${view.upgrade.cluster}`;
  return `${[
    '<!doctype html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<meta http-equiv="Content-Security-Policy"' +
      ` content="default-src 'none'; style-src 'unsafe-inline'">`,
    `<meta name="generator" content="ascent ${escaped(release)}">`,
    `<title>${escaped(title)}</title>`,
    `<style>\n${recordStyle}\n</style>`,
    '</head>',
    '<body>',
    ...headParts(view, record.head),
    '<main>',
    ...pictureParts(view),
    sectionElement('decisions', 'Asked and decided', decisionParts(view)),
    sectionElement('versions', 'Versions before and after', versionParts(view)),
    sectionElement('hops', 'Hops, steps and nodes', hopParts(view)),
    sectionElement('findings', 'Findings, and how they ended', findingParts(view)),
    sectionElement('snapshots', 'Snapshots', snapshotParts(view)),
    sectionElement('rollbacks', 'Rolled back', rollBackParts(view)),
    sectionElement('plan', 'Plan', planParts(view)),
    sectionElement('trail', 'Audit trail', trailParts(view)),
    '</main>',
    footElement(record),
    `${recordDataOpening}${embedded(record)}${recordDataClosing}`,
    '</body>',
    '</html>',
  ].join('\n')}\n`;
}

/** Nothing in it ends the element that holds it. */
function embedded(record: ChangeRecord): string {
  return JSON.stringify(record).replaceAll('<', '\\u003c');
}

const stateClasses: Readonly<Record<string, string>> = {
  completed: 'good',
  running: 'wait',
  rejected: 'wait',
  cancelled: 'wait',
};

function headParts(view: RecordView, head: string): readonly string[] {
  const { upgrade, timeline, now, missing } = view;
  const { cluster, state, from, to } = upgrade;
  const way = from === undefined || to === undefined ? '' : ` ${from} → ${to}`;
  const digest = view.plans.at(-1)?.digest;
  const isOver = now === undefined;
  const facts: readonly (readonly [string, string])[] = [
    ['Upgrade', `<code>${escaped(upgrade.upgrade)}</code>`],
    ['Begun (UTC)', timeElement(timeline.startMs)],
    [isOver ? 'Ended (UTC)' : 'As of (UTC)', timeElement(timeline.endMs)],
    [isOver ? 'Took' : 'So far', escaped(formatDuration(timeline.endMs - timeline.startMs))],
    ['Plan digest', digest === undefined ? 'no plan' : `<code>${escaped(digest)}</code>`],
    ['Head hash', `<code>${escaped(head)}</code>`],
  ];
  const rows = facts.map(([name, html]) => `<dt>${name}</dt><dd>${html}</dd>`);
  return [
    '<header>',
    `<h1>${escaped(`${cluster}${way}`)} ` +
      `<span class="state ${stateClasses[state] ?? 'bad'}">${escaped(state)}</span></h1>`,
    `<p>Change record: ${escaped(recordSentence(upgrade))}.</p>`,
    ...(now === undefined
      ? []
      : [
          '<p class="note"><strong>This record is not finished.</strong>' +
            ` At ${timeElement(now.asOfMs)}: ${escaped(now.sentence)}.</p>`,
        ]),
    `<dl class="facts">\n${rows.join('\n')}\n</dl>`,
    ...(missing.length === 0
      ? ['<p class="soft">Nothing that a record tells is missing in this one.</p>']
      : [
          '<div class="note"><strong>Not known any more, and so not in this record:</strong>\n<ul>',
          ...missing.map((part) => `<li>${escaped(missingSentence(part, timeText))}</li>`),
          '</ul></div>',
        ]),
    '</header>',
  ];
}

const legend = [
  ['bar-preparing', 'preflight, images, snapshot'],
  ['bar-control-plane', 'control plane and etcd'],
  ['bar-nodes', 'nodes'],
  ['bar-checking', 'verification'],
  ['bar-soak', 'soak'],
  ['bar-rollback', 'rollback'],
  ['bar-gate', 'waiting at a gate'],
  ['bar-pause', 'paused'],
] as const;

function pictureParts(view: RecordView): readonly string[] {
  const keys = legend.map(
    ([className, text]) =>
      `<li><svg width="16" height="12" aria-hidden="true"><rect class="${className}" x="1" y="1"` +
      ` width="14" height="10" rx="2"/></svg>${text}</li>`,
  );
  return [
    '<figure>',
    '<div class="scroll" role="region" tabindex="0" aria-label="Timeline">',
    recordPicture(view),
    '</div>',
    `<ul class="legend">${keys.join('')}</ul>`,
    '<figcaption>Widths are not to scale: a span is as wide as the cube root of what it lasts.' +
      ' The numbers are those of the requests and decisions below; exact times are in the tables.' +
      '</figcaption>',
    '</figure>',
  ];
}

function footElement({ head, entries }: ChangeRecord): string {
  return (
    '<footer>\n' +
    `<p>${entries.length} entries, each with the hash of the one before it; head hash` +
    ` <code>${escaped(head)}</code>.</p>\n` +
    '<p>Check this file: <code>ascent report verify FILE</code>. It finds what was changed in the' +
    ' record or on this page afterwards. It cannot tell who made the record: compare the head' +
    ' hash with one that was kept elsewhere, or with the upgrade itself' +
    ' (<code>--against</code>).</p>\n' +
    '</footer>'
  );
}
