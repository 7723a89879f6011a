// Judges what a plan says of the order of a pool's nodes: a part of plan-checks.ts, whose rule J1
// holds here. Where it leaves the order open, the place of a node in its list is no matter.

import type { Observation } from '../observation';
import type { Plan, PoolStep } from './plan';
import type { PlanViolation } from './plan-violations';
import type { UpgradeSpec, ZonePolicy } from '../spec';

interface Judged {
  readonly plan: Plan;
  readonly spec: UpgradeSpec;
  readonly observation: Observation;
}

/** Of pools that the spec knows; the walk through the plan finds the others. */
export function* checkWindows({ plan, spec, observation }: Judged): Generator<PlanViolation> {
  const labels = new Map(observation.nodes.map((node) => [node.name, node.labels]));
  for (const hop of plan.hops) {
    for (const step of hop.steps) {
      if (step.kind !== 'pool') continue;
      const pool = spec.pools.find(({ name }) => name === step.pool);
      if (pool === undefined) continue;
      const where = `${hop.id}/pool ${step.pool}`;
      const { zones = 'one-at-a-time', orderLabel } = pool;
      const expected = `${zones}, ${orderLabel === undefined ? 'least-disruptive' : 'as-listed'}`;
      const { window } = step;
      const actual = window === undefined ? 'none' : `${window.zones}, ${window.order}`;
      if (actual !== expected) {
        yield { code: 'window-wrong', where, object: 'window', expected, actual };
      }
      if (orderLabel === undefined) continue;
      const valueOf: ValueOf = ({ name }) => labels.get(name)?.[orderLabel];
      yield* zones === 'any' ? [] : checkZones(step, where);
      yield* checkValues({ step, zones, valueOf, where });
    }
  }
}

type ValueOf = (node: PoolStep['nodes'][number]) => string | undefined;

/** A zone that another one followed does not go on. */
function* checkZones({ nodes }: PoolStep, where: string): Generator<PlanViolation> {
  const through = new Set<string>();
  let zone: string | undefined;
  for (const node of nodes) {
    if (zone !== undefined && zone !== node.zone) through.add(zone);
    zone = node.zone;
    if (!through.has(zone)) continue;
    const object = `node ${node.name}`;
    const [expected, actual] = [`with the others of zone ${zone}`, 'after another zone'];
    yield { code: 'node-order-wrong', where, object, expected, actual };
  }
}

interface Listed {
  readonly step: PoolStep;
  readonly zones: ZonePolicy;
  readonly valueOf: ValueOf;
  readonly where: string;
}

/** In the order of their values, within each zone where zones take turns. */
function* checkValues({ step, zones, valueOf, where }: Listed): Generator<PlanViolation> {
  const last = new Map<string, string | undefined>();
  for (const node of step.nodes) {
    const among = zones === 'any' ? '' : node.zone;
    const value = valueOf(node);
    if (last.has(among) && isBefore(value, last.get(among))) {
      const object = `node ${node.name}`;
      const expected = `before ${last.get(among) ?? 'nodes without the label'}`;
      const actual = `${value}, after it`;
      yield { code: 'node-order-wrong', where, object, expected, actual };
    }
    last.set(among, value);
  }
}

/** Numbers by their size, then texts by code units, then nodes that lack the label. */
function isBefore(value: string | undefined, last: string | undefined): boolean {
  if (value === undefined || last === undefined) return value !== undefined;
  const number = /^[0-9]+([.][0-9]+)?$/;
  const [isNumber, wasNumber] = [number.test(value), number.test(last)];
  if (isNumber !== wasNumber) return isNumber;
  return isNumber ? Number(value) < Number(last) : value < last;
}
