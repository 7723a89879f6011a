// Why a node does not begin now, in words.

import type { AdmissionHold } from './admission';
import { budgetText, podText } from '../blocker-sentences';
import { count } from '../counts';
import { say, type Words } from '../words';

const words: Words<AdmissionHold> = {
  'zone-in-work': ({ inWork }) =>
    `${inWork === '' ? 'a node without a zone' : `zone ${inWork}`} is in work, and zones go one` +
    ' at a time',
  'control-plane-alone': ({ inWork }) =>
    `a control-plane node goes alone, and ${inWork} is in work`,
  'budget-drawn': ({ budget, allowed, drawn, wanted }) =>
    `budget ${budgetText(budget)} allows ${evictionsText(allowed)}${drawnText(drawn)}` +
    `, and ${wanted} of its pods are here`,
  'owner-in-window': ({ owner, pods }) =>
    `all ${pods} serving pods of ${owner} would be away at the same time`,
  'no-room': ({ pod, pods, lack }) =>
    `pod ${podText(pod)}${pods > 1 ? ` and ${pods - 1} more` : ''} would find no room` +
    ` elsewhere: ${lack}`,
  'alike-unscheduled': ({ pod, owner, message }) =>
    `the scheduler finds no node for pod ${podText(pod)}, of ${owner}` +
    (message === undefined ? '' : ` (${message})`),
};

/** A clause without a full stop: `budget shop/web allows no eviction, and 2 of its pods …`. */
export function holdSentence(hold: AdmissionHold): string {
  return say(words, hold);
}

function evictionsText(evictions: number): string {
  return evictions === 0 ? 'no eviction' : count(evictions, 'eviction');
}

function drawnText(drawn: number): string {
  if (drawn === 0) return '';
  return drawn === 1
    ? ', 1 pod of a node in work draws on it'
    : `, ${drawn} pods of nodes in work draw on it`;
}
