// The timeline of a change record as a picture. Widths are not to scale: minutes of work stand
// beside weeks of waiting, so a span is as wide as the cube root of what it lasts. The order is
// true, and exact times are in the tables below it and in the titles of the bars.

import { formatDuration } from '../../domain/durations';
import type { RecordView } from '../../domain/record/record-view';
import type { StepSpan, Timeline } from '../../domain/record/timeline';
import { escaped, timeText } from './record-html';

const left = 132;
const laneHeight = 34;
const barHeight = 20;
const usualWidth = 1_150;
/** Of the shortest span, in pixels. */
const leastSpan = 10;
const charWidth = 5.9;

/** Where a time is, in pixels from the left. */
type Scale = (atMs: number) => number;

interface Scaled {
  readonly at: Scale;
  readonly width: number;
}

function scaleOf(timeline: Timeline): Scaled {
  const times = new Set([timeline.startMs, timeline.endMs]);
  const note = (startMs: number, endMs: number): void => {
    times.add(startMs);
    times.add(endMs);
  };
  for (const { steps } of timeline.lanes) {
    for (const step of steps) note(step.startMs, step.endMs);
  }
  for (const gate of timeline.gates) note(gate.openedMs, gate.closedMs ?? timeline.endMs);
  for (const pause of timeline.pauses) note(pause.startMs, pause.endMs ?? timeline.endMs);
  const sorted = [...times].toSorted((a, b) => a - b);
  const roots = sorted.slice(1).map((atMs, index) => Math.cbrt(atMs - (sorted[index] ?? atMs)));
  const all = roots.reduce((sum, root) => sum + root, 0);
  const free = Math.max(usualWidth - left - 20 - leastSpan * roots.length, 200);
  const places: number[] = [left];
  for (const root of roots) {
    const span = leastSpan + (all === 0 ? 0 : (root / all) * free);
    places.push((places.at(-1) ?? left) + span);
  }
  const at: Scale = (atMs) => placeOf(sorted, places, atMs);
  return { at, width: Math.ceil((places.at(-1) ?? left) + 20) };
}

/** Between two times that are known, in proportion. */
function placeOf(times: readonly number[], places: readonly number[], atMs: number): number {
  const index = Math.max(
    0,
    times.findLastIndex((time) => time <= atMs),
  );
  const [fromMs = 0, toMs = fromMs] = times.slice(index, index + 2);
  const [from = left, to = from] = places.slice(index, index + 2);
  if (toMs === fromMs) return from;
  return (
    from + ((to - from) * Math.min(Math.max(atMs - fromMs, 0), toMs - fromMs)) / (toMs - fromMs)
  );
}

interface Bar {
  readonly from: number;
  readonly to: number;
  readonly y: number;
  readonly className: string;
  readonly title: string;
  readonly label?: string;
  readonly labelClass?: string;
}

function barElement({ from, to, y, className, title, label, labelClass = 'on-bar' }: Bar): string {
  const width = Math.max(to - from, 2);
  const hasLabel = label !== undefined && label.length * charWidth + 8 < width;
  const text = hasLabel
    ? `<text class="${labelClass}" x="${px(from + 5)}" y="${px(y + 14)}">${escaped(label)}</text>`
    : '';
  return (
    `<g><title>${escaped(title)}</title>` +
    `<rect class="${className}" x="${px(from)}" y="${px(y)}" width="${px(width)}"` +
    ` height="${barHeight}" rx="2"/>${text}</g>`
  );
}

function px(value: number): string {
  return String(Math.round(value * 10) / 10);
}

function spanTitle(what: string, startMs: number, endMs: number): string {
  const took = formatDuration(endMs - startMs);
  return `${what}: ${timeText(startMs)} to ${timeText(endMs)} UTC, ${took}`;
}

function stepBar(step: StepSpan, at: Scale, y: number): string {
  const laid = step.isLaidOut === true;
  const running = step.isRunning === true ? ', under way' : '';
  const what = `${step.hop}, ${step.label}${running}${laid ? ' (its beginning is not known)' : ''}`;
  return barElement({
    from: at(step.startMs),
    to: at(step.endMs),
    y,
    className: `bar-${step.sort}${laid ? ' laid' : ''}`,
    title: spanTitle(what, step.startMs, step.endMs),
    label: step.label,
    labelClass: step.sort === 'soak' ? 'on-soak' : 'on-bar',
  });
}

/** The lane of people: what waited for an answer, and pauses. */
function peopleBars({ gates, pauses, endMs }: Timeline, at: Scale, y: number): readonly string[] {
  const waits = gates.map(({ gate, openedMs, closedMs = endMs, by }) => {
    const end = by === undefined ? 'still open' : `${by.event} by ${by.actor}`;
    return barElement({
      from: at(openedMs),
      to: at(closedMs),
      y,
      className: 'bar-gate',
      title: `${spanTitle(`gate ${gate}`, openedMs, closedMs)}, ${end}`,
    });
  });
  const still = pauses.map(({ actor, startMs, endMs: pausedUntil = endMs }) =>
    barElement({
      from: at(startMs),
      to: at(pausedUntil),
      y: y + barHeight + 2,
      className: 'bar-pause',
      title: spanTitle(`paused by ${actor}`, startMs, pausedUntil),
    }),
  );
  return [...waits, ...still];
}

const numberRadius = 9;
const rowHeight = 21;

/** In which of three rows the number of each decision stands, so that few lie over one another. */
function numberRows({ decisions }: RecordView, at: Scale): readonly number[] {
  const ends = [-Infinity, -Infinity, -Infinity];
  return decisions.map(({ entry }) => {
    const x = at(entry.atMs);
    const free = ends.findIndex((end) => x - end >= 2 * numberRadius + 2);
    const row = free < 0 ? 0 : free;
    ends[row] = x;
    return row;
  });
}

function numberMarks(
  { decisions }: RecordView,
  at: Scale,
  { rows, bottom }: { readonly rows: readonly number[]; readonly bottom: number },
): readonly string[] {
  return decisions.map(({ number, entry }, index) => {
    const x = px(at(entry.atMs));
    const y = 14 + (rows[index] ?? 0) * rowHeight;
    return (
      `<g><title>${escaped(`${number}. ${timeText(entry.atMs)} UTC: ${entry.text}`)}</title>` +
      `<line class="lead" x1="${x}" x2="${x}" y1="${y + numberRadius}" y2="${bottom}"/>` +
      `<circle class="number" cx="${x}" cy="${y}" r="${numberRadius}"/>` +
      `<text x="${x}" y="${y + 4}" text-anchor="middle">${number}</text></g>`
    );
  });
}

/** Beginnings and ends of lanes, as far as their labels have room. */
function timeMarks({ startMs, endMs, lanes }: Timeline, at: Scale, y: number): readonly string[] {
  const isShort = endMs - startMs < 6 * 3_600_000;
  const starts = lanes.flatMap(({ steps }) => steps.slice(0, 1).map((step) => step.startMs));
  const ends = lanes.flatMap(({ steps }) => steps.slice(-1).map((step) => step.endMs));
  const last = at(endMs);
  let free = -Infinity;
  const marks = [startMs, ...starts, ...ends].toSorted((a, b) => a - b);
  const drawn = marks.flatMap((atMs) => {
    const x = at(atMs);
    if (x < free || x > last - 84) return [];
    free = x + 84;
    return [markText(x, y, atMs, 'start', isShort)];
  });
  return [...drawn, markText(last, y, endMs, 'end', isShort)];
}

function markText(x: number, y: number, atMs: number, anchor: string, isShort: boolean): string {
  const text = isShort ? timeText(atMs).slice(11) : timeText(atMs).slice(5, 16);
  return (
    `<line class="rule" x1="${px(x)}" x2="${px(x)}" y1="${y - 12}" y2="${y - 2}"/>` +
    `<text class="soft" x="${px(x)}" y="${y + 10}" text-anchor="${anchor}">${escaped(text)}</text>`
  );
}

const hatches =
  '<defs><pattern id="gate" width="6" height="6" patternUnits="userSpaceOnUse"' +
  ' patternTransform="rotate(45)"><line class="hatch-gate" y2="6" stroke-width="3"/></pattern>' +
  '<pattern id="pause" width="5" height="5" patternUnits="userSpaceOnUse">' +
  '<line class="hatch-pause" x2="5" stroke-width="2"/></pattern></defs>';

/** The picture with its title and its text for those who do not see it. */
export function recordPicture(view: RecordView): string {
  const { timeline } = view;
  const { at, width } = scaleOf(timeline);
  const rows = numberRows(view, at);
  const peopleY = 40 + rows.reduce((most, row) => Math.max(most, row), 0) * rowHeight;
  const firstLane = peopleY + 2 * barHeight + 14;
  const bottom = firstLane + timeline.lanes.length * laneHeight;
  const lanes = timeline.lanes.flatMap(({ hop, steps }, index) => {
    const y = firstLane + index * laneHeight;
    const rule = `<line class="rule" x1="0" x2="${width}" y1="${y - 7}" y2="${y - 7}"/>`;
    return [rule, laneLabel(hop, y), ...steps.map((step) => stepBar(step, at, y))];
  });
  const height = bottom + 26;
  return [
    `<svg role="img" aria-labelledby="picture-title picture-text" width="${width}"` +
      ` height="${height}" viewBox="0 0 ${width} ${height}">`,
    `<title id="picture-title">Timeline of the upgrade of ${escaped(view.upgrade.cluster)}</title>`,
    `<desc id="picture-text">${escaped(pictureText(view))}</desc>`,
    hatches,
    ...numberMarks(view, at, { rows, bottom }),
    laneLabel('asked, decided', 4),
    laneLabel('waiting, paused', peopleY),
    ...peopleBars(timeline, at, peopleY),
    ...lanes,
    ...timeMarks(timeline, at, bottom + 12),
    '</svg>',
  ].join('\n');
}

function laneLabel(text: string, y: number): string {
  const shown = text.length > 20 ? `${text.slice(0, 19)}…` : text;
  return `<text x="0" y="${y + 14}">${escaped(shown)}</text>`;
}

/** What the picture shows, in words. */
export function pictureText({ timeline, decisions }: RecordView): string {
  const { startMs, endMs, lanes, gates, pauses } = timeline;
  const hops = lanes.map(({ hop, steps }) => {
    const told = steps.map(({ label, seconds, startMs: from, endMs: to }) => {
      const took =
        seconds === undefined ? formatDuration(to - from) : formatDuration(seconds * 1e3);
      return `${label} ${took}`;
    });
    return `${hop}: ${told.join(', ')}`;
  });
  const waits = gates.map(
    ({ gate, openedMs, closedMs = endMs }) => `${gate} ${formatDuration(closedMs - openedMs)}`,
  );
  const still = pauses.map(
    ({ actor, startMs: from, endMs: to = endMs }) => `by ${actor} ${formatDuration(to - from)}`,
  );
  return [
    `From ${timeText(startMs)} to ${timeText(endMs)} UTC, ${formatDuration(endMs - startMs)}.`,
    `${decisions.length} numbered requests and decisions.`,
    ...hops.map((text) => `${text}.`),
    ...(waits.length === 0 ? [] : [`Waited at gates: ${waits.join(', ')}.`]),
    ...(still.length === 0 ? [] : [`Paused: ${still.join(', ')}.`]),
  ].join(' ');
}
