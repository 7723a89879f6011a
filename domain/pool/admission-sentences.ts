// Why a node does not begin now, in words.

import type { AdmissionHold } from './admission';
import type { PodRef } from '../names';
import { say, type Words } from '../words';

const words: Words<AdmissionHold> = {
  'zone-in-work': ({ inWork }) =>
    `${inWork === '' ? 'a node without a zone' : `zone ${inWork}`} is in work, and zones go one` +
    ' at a time',
  'control-plane-alone': ({ inWork }) =>
    `a control-plane node goes alone, and ${inWork} is in work`,
  'budget-drawn': ({ budget, allowed, drawn, wanted }) =>
    `budget ${budget.namespace}/${budget.name} allows ${evictionsText(allowed)}` +
    `${drawnText(drawn)}` +
    `, and ${wanted} of its pods are here`,
  'owner-in-window': ({ owner, pods }) =>
    `all ${pods} serving pods of ${owner} would be away at the same time`,
  'no-room': ({ pod, pods, lack }) =>
    `pod ${refText(pod)}${pods > 1 ? ` and ${pods - 1} more` : ''} would find no room` +
    ` elsewhere: ${lack}`,
  'alike-unscheduled': ({ pod, owner, message }) =>
    `the scheduler finds no node for pod ${refText(pod)}, of ${owner}` +
    (message === undefined ? '' : ` (${message})`),
};

/** A clause without a full stop: `budget shop/web allows no eviction, and 2 of its pods …`. */
export function holdSentence(hold: AdmissionHold): string {
  return say(words, hold);
}

function evictionsText(count: number): string {
  if (count === 0) return 'no eviction';
  return count === 1 ? '1 eviction' : `${count} evictions`;
}

function drawnText(count: number): string {
  if (count === 0) return '';
  return count === 1
    ? ', 1 pod of a node in work draws on it'
    : `, ${count} pods of nodes in work draw on it`;
}

function refText({ namespace, name }: PodRef): string {
  return `${namespace}/${name}`;
}
