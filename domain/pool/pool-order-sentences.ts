// Words for the order of a pool's nodes: by which rule, and why each node is at its place.

import { boundedList } from '../lists';
import type { NodeTurn, PoolOrder, RestingNode, TurnReason } from './pool-orders';

/** `zone by zone, the least disruptive node first`. */
export function poolOrderText({ window, orderLabel }: PoolOrder): string {
  const zones = window.zones === 'any' ? '' : 'zone by zone, ';
  const rule = orderLabel === undefined ? 'the least disruptive node first' : `by ${orderLabel}`;
  return zones + rule;
}

/** `canary: fewer pods than web-2`: why a node is at its place. */
export function turnSentence({ reason, orderValue }: NodeTurn): string {
  const why = reasonText(reason, orderValue);
  return reason.place === 'canary' ? `canary: ${why}` : why;
}

function reasonText(reason: TurnReason, orderValue: string | undefined): string {
  switch (reason.by) {
    case 'only':
      return 'the only node';
    case 'listed':
      return orderValue === undefined ? 'lacks the label' : `label ${orderValue}`;
    case 'chunk':
      return 'the next part of the pool begins when those before are through';
    case 'zone':
      return `its zone comes after that of ${reason.than}`;
    case 'stateful-pods':
      return `${fewerOrMore(reason)} stateful pods than ${reason.than}`;
    case 'pods':
      return `${fewerOrMore(reason)} pods than ${reason.than}`;
    case 'name':
      return `as many pods as ${reason.than}, so by name`;
  }
}

function fewerOrMore({ place }: TurnReason): string {
  return place === 'canary' ? 'fewer' : 'more';
}

/** `web-1, web-2 are at the version already`; nothing for no node. */
export function restingTexts(resting: readonly RestingNode[]): readonly string[] {
  const named = (why: RestingNode['why']) => {
    const names = resting.filter((node) => node.why === why).map(({ name }) => name);
    return { list: boundedList(names), verb: names.length === 1 ? 'is' : 'are' };
  };
  const [there, later] = [named('at-version'), named('later-hop')];
  return [
    ...(there.list === '' ? [] : [`${there.list} ${there.verb} at the version already`]),
    ...(later.list === '' ? [] : [`${later.list} ${later.verb} left for a later hop`]),
  ];
}
