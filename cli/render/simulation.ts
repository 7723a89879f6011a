// What a simulation found, for people.

import { count } from '../../domain/counts';
import { refusalWords, type UnplacedPods } from '../../domain/simulation/answers';
import type { WorkloadFinding } from '../../domain/simulation/findings';
import { schedulerWords } from '../../domain/simulation/refusals';
import type {
  HeadroomReport,
  NodeReport,
  PoolReport,
  PreemptingPod,
  SimulationReport,
  WindowReport,
} from '../../domain/simulation/report';
import { stopText } from '../../domain/simulation/stop-words';
import type { Style } from './style';
import { wrap } from './text';

/** Stops and findings that one place names; JSON has all of them. */
const toldAtMost = 20;

/** Whether every node drains, and everything finds room in every window. */
export function isClear({ nodes, pools }: SimulationReport): boolean {
  const isStopped = ({ kind, unplaced }: NodeReport): boolean =>
    kind === 'blocked' || unplaced.length > 0;
  return !nodes.some(isStopped) && pools.every(({ short }) => short.length === 0);
}

export function renderSimulation(
  report: SimulationReport,
  style: Style,
  width: number,
): readonly string[] {
  const stopped = report.nodes.filter(({ kind }) => kind === 'blocked');
  const turns = report.nodes.filter(({ kind }) => kind === 'in-turns').length;
  const drains = report.nodes.length - stopped.length;
  return [
    `${drains} of ${count(report.nodes.length, 'node')} would drain now, each by itself` +
      (turns === 0 ? '' : `; ${turns} of them as budgets let their pods go, one after the other`),
    ...stopped.flatMap((node) => nodeLines(node, style, width)),
    ...report.pools.flatMap((pool) => poolLines(pool, style, width)),
    ...titled('without a node already:', unplacedLines(report.pending, width), style.wait),
    ...findingLines(report.findings, style, width),
  ];
}

function titled(
  title: string,
  lines: readonly string[],
  colour: (text: string) => string,
): readonly string[] {
  return lines.length === 0 ? [] : ['', colour(title), ...lines];
}

function nodeLines({ node, stops }: NodeReport, style: Style, width: number): readonly string[] {
  const told = stops.slice(0, toldAtMost).flatMap((stop) => wrap(stopText(stop), width, '    '));
  return ['', `${style.bad('blocked')}  ${style.strong(node)}`, ...told, ...more(stops.length)];
}

function more(all: number): readonly string[] {
  return all <= toldAtMost ? [] : [`    and ${all - toldAtMost} more`];
}

function poolLines(pool: PoolReport, style: Style, width: number): readonly string[] {
  const { atOnce, windows, reckoned, short } = pool;
  const of = reckoned === windows ? '' : ` (the ${reckoned} with most pods of ${windows})`;
  const fits = reckoned - short.length;
  return [
    '',
    `pool ${pool.pool}, ${count(atOnce, 'node')} at a time: in ${fits} of` +
      ` ${count(reckoned, 'window')}${of} everything finds room`,
    ...short.flatMap((window) => windowLines(window, style, width)),
  ];
}

function windowLines(
  { nodes, unplaced, preempting, headroom }: WindowReport,
  style: Style,
  width: number,
): readonly string[] {
  return [
    `${style.bad('short')}  without ${style.strong(nodes.join(', '))}`,
    ...unplacedLines(unplaced, width),
    ...preempting.slice(0, toldAtMost).flatMap((pod) => wrap(preemptingText(pod), width, '    ')),
    ...headroom.flatMap((one) => headroomLines(one, width)),
  ];
}

function preemptingText({ pod, on, pushesAway }: PreemptingPod): string {
  const pushed = pushesAway.map(({ namespace, name }) => `${namespace}/${name}`).join(', ');
  return `${pod.namespace}/${pod.name} fits on ${on} only by pushing away ${pushed}`;
}

function headroomLines(headroom: HeadroomReport, width: number): readonly string[] {
  const { autoscaler, target, wanted, fit, lacking } = headroom;
  const { namespace, name } = autoscaler;
  const text =
    `autoscaler ${namespace}/${name} may add ${wanted} to ${target.kind} ${target.name},` +
    ` of which ${fit} find room`;
  return [...wrap(text, width, '    '), ...unplacedLines(lacking, width)];
}

function unplacedLines(unplaced: readonly UnplacedPods[], width: number): readonly string[] {
  return unplaced.slice(0, toldAtMost).flatMap(({ pod, pods, refusal, groups, unblock }) => {
    const like = pods === 1 ? '' : ` and ${pods - 1} like it`;
    const why = refusal === undefined ? refusalWords(groups) : schedulerWords(refusal);
    return [
      ...wrap(`${pod.namespace}/${pod.name}${like}: ${why}`, width, '    '),
      ...wrap(`→ ${unblock.join('; or ')}`, width, '    '),
    ];
  });
}

/** One line for each check, with how many objects it is about. */
function findingLines(
  findings: readonly WorkloadFinding[],
  style: Style,
  width: number,
): readonly string[] {
  const byCheck = new Map<string, WorkloadFinding[]>();
  for (const finding of findings) {
    const key = `${finding.check} ${finding.severity}`;
    byCheck.set(key, [...(byCheck.get(key) ?? []), finding]);
  }
  const lines = [...byCheck.values()].flatMap((same) => {
    const [first] = same;
    if (first === undefined) return [];
    const names = same.slice(0, 3).map(({ object }) => `${object.namespace}/${object.name}`);
    const others = same.length > 3 ? ` and ${same.length - 3} more` : '';
    return [
      `${first.severity.padEnd(6)}  ${style.strong(first.check)}  ${names.join(', ')}${others}`,
      ...wrap(first.why, width, '        '),
      ...wrap(`→ ${first.remedy}`, width, '        '),
    ];
  });
  return lines.length === 0 ? [] : ['', 'of workloads:', ...lines];
}
