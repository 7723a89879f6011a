// What a rollback would undo, for people.

import { count } from '../../domain/counts';
import { formatSeconds } from '../../domain/durations';
import { foreseenOrphans, orphanSentence } from '../../domain/rollback/account';
import type { ObjectGroup } from '../../domain/rollback/key-diff';
import { weightOf } from '../../domain/rollback/registry-keys';
import {
  countsText,
  groupName,
  type NewerNode,
  type RollBackReport,
  sumOf,
} from '../../domain/rollback/report';
import { rungText } from '../../domain/rollback/rungs';
import type { Style } from './style';
import { wrap } from './text';

interface ReportView {
  readonly style: Style;
  readonly width: number;
}

const groupsShown = 40;
const nodesShown = 10;
const digestShown = 12;

/** Lines without a final newline. */
export function rollBackReportLines(report: RollBackReport, view: ReportView): readonly string[] {
  const { cluster, hop, at, snapshot } = report;
  const { style, width } = view;
  const title = `${cluster}: ${hop} back to ${at}`;
  const { id, takenAt, revision } = snapshot;
  const isKept = report.cheapest.keepsData === true;
  const to = `${isKept ? 'not ' : ''}to snapshot ${id} of ${takenAt} (revision ${revision})`;
  return [
    style.strong(title),
    ...wrap(to, width).map(style.faint),
    '',
    ...(isKept ? wrap(keptText, width) : objectLines(report, view)),
    '',
    ...wrap(nodesText(report), width),
    ...stayingLines(report, view),
    ...orphanLines(report, view),
    ...wrap(rungText(report.cheapest), width),
    ...wrap(expectedText(report), width),
    `digest ${report.digest}`,
  ];
}

const keptText =
  'nothing that was written is lost: the new programs serve as the minor before, so that the old' +
  ' ones go on with the same data';

export function reportHint({ cluster, hop, digest }: RollBackReport, program: string): string {
  return `${program} rollback ${cluster} ${hop} --confirm ${digest.slice(0, digestShown)}`;
}

function objectLines({ objects }: RollBackReport, view: ReportView): readonly string[] {
  const { groups, more, comparedKeys, seconds, cutShortBy } = objects;
  const told = groups.filter(({ resource }) => weightOf(resource) !== 'upkeep');
  const own = sumOf(groups.filter(({ resource }) => weightOf(resource) === 'upkeep'));
  const rest = told.slice(groupsShown);
  const compared = `${count(comparedKeys, 'key')} compared in ${formatSeconds(seconds)}`;
  const beyond = [
    ...(rest.length === 0 ? [] : [sumOf(rest)]),
    ...(more === undefined ? [] : [more]),
  ];
  const cut =
    cutShortBy === undefined
      ? []
      : [`not all was compared: the limit of ${cutShortBy} was reached`];
  return [
    `written since the snapshot, and lost by going back (${compared}):`,
    ...(told.length === 0 ? ['  nothing but what the cluster writes by itself'] : []),
    ...told.slice(0, groupsShown).flatMap((group) => groupLines(group, view)),
    ...(beyond.length === 0 ? [] : [`  and more: ${countsText(sumOf(beyond))}`]),
    ...cut.map(view.style.wait),
    ...(countsText(own) === ''
      ? []
      : wrap(`by the cluster itself (pods, events, leases, …): ${countsText(own)}`, view.width)),
  ];
}

function groupLines(group: ObjectGroup, { style, width }: ReportView): readonly string[] {
  const names = [
    ...named('created', group.createdNames, group.created),
    ...named('deleted, and will return', group.deletedNames, group.deleted),
  ];
  return [
    `  ${groupName(group)}: ${countsText(group)}`,
    ...names.flatMap((text) => wrap(text, width - 4).map((line) => style.faint(`    ${line}`))),
  ];
}

function named(what: string, names: readonly string[], all: number): readonly string[] {
  if (names.length === 0) return [];
  const more = all - names.length;
  return [`${what}: ${names.join(', ')}${more > 0 ? ` and ${more} more` : ''}`];
}

function nodesText({ nodes, moreNodes, at }: RollBackReport): string {
  const all = nodes.length + moreNodes;
  if (all === 0) return `no node has to return: none of the hop runs a kubelet newer than ${at}`;
  const to = [...new Set(nodes.map((one) => one.to))].join(', ');
  return `${count(all, 'node')} drained and returned to ${to} first: ${namesText(nodes, all)}`;
}

function namesText(nodes: readonly NewerNode[], all: number): string {
  const names = nodes.slice(0, nodesShown).map(({ node }) => node);
  const more = all - names.length;
  return `${names.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

/** A kubelet may never be newer than the API server: whoever goes back has to know. */
function stayingLines({ staying, moreStaying, at }: RollBackReport, view: ReportView) {
  const all = staying.length + moreStaying;
  if (all === 0) return [];
  const text =
    `${count(all, 'node')} not of this hop, or set aside, will run a kubelet newer than the` +
    ` API server (${at}), which Kubernetes does not support: ${namesText(staying, all)}` +
    ' - return or remove them before, or drain them';
  return wrap(text, view.width).map(view.style.wait);
}

/** What stands outside of etcd stays: somebody has to see to it afterwards. */
function orphanLines({ objects }: RollBackReport, view: ReportView): readonly string[] {
  const orphans = foreseenOrphans(objects.anchors ?? []);
  if (orphans.length === 0) return [];
  return [
    'left over afterwards, because it stands outside of etcd:',
    ...orphans.flatMap((group) =>
      wrap(orphanSentence(group), view.width - 2).map((line) => `  ${view.style.wait(line)}`),
    ),
  ];
}

function expectedText(report: RollBackReport): string {
  const { expected, nodes, moreNodes, snapshot, cheapest } = report;
  if (cheapest.keepsData === true) {
    const { onlyMember: away } = expected;
    if (away === undefined) return 'expected: the API serves all through';
    return `expected: about ${formatSeconds(away)} without an API, while its only member changes`;
  }
  const restore =
    `expected: about ${formatSeconds(expected.restore)} without an API` +
    ` (estimated from ${count(snapshot.keys, 'key')})`;
  if (nodes.length + moreNodes === 0) return restore;
  if (expected.nodes === undefined) return `${restore}; how long the nodes take is not known yet`;
  return `${restore}; before that ${formatSeconds(expected.nodes)} for the nodes, one by one`;
}
