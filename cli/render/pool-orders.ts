// The order of the nodes of each pool, for people: a table for each pool and hop.

import { count } from '../../domain/counts';
import { poolOrderText, restingTexts, turnSentence } from '../../domain/pool/pool-order-sentences';
import type { NodeTurn, PoolOrder } from '../../domain/pool/pool-orders';
import type { Style } from './style';
import { columns, wrap } from './text';

const closing =
  'This is the order as the cluster is now. Pods come and go: what is on the nodes when it is' +
  ' their turn decides.';

/** Lines without a final newline, to stand below the plan. */
export function renderPoolOrders(
  orders: readonly PoolOrder[],
  style: Style,
  width: number,
): readonly string[] {
  const isOpen = orders.some(({ window }) => window.order === 'least-disruptive');
  return [
    ...orders.flatMap((order) => ['', ...renderOrder(order, style)]),
    ...(isOpen ? ['', ...wrap(closing, width)] : []),
  ];
}

function renderOrder(order: PoolOrder, style: Style): readonly string[] {
  const rows = order.nodes.map((turn, index) => [
    `${index + 1}`.padStart(3),
    turn.name,
    turn.zone === '' ? 'no zone' : `zone ${turn.zone}`,
    podsText(turn),
    turnSentence(turn),
  ]);
  return [
    `${style.strong(`Order of pool ${order.pool} in ${order.hop}`)}: ${poolOrderText(order)}`,
    ...columns(rows, ' '),
    ...restingTexts(order.resting).map((text) => `  ${style.faint(text)}`),
  ];
}

function podsText({ pods, statefulPods }: NodeTurn): string {
  return `${count(pods, 'pod')}${statefulPods === undefined ? '' : `, ${statefulPods} stateful`}`;
}
