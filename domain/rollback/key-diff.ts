// What was written to etcd since a snapshot: two streams of keys, merged. Memory grows with the
// kinds and namespaces that there are, never with the keys.
// D1. Both streams are in the order of etcd: by the bytes of the key.
// D2. A key on one side only was created or deleted; one with another revision was changed. A key
//     that was deleted and created again counts as changed.

import { compareTexts } from '../text-order';
import { storedObject } from './registry-keys';

/** One key and the revision of its last change. Bytes that are no UTF-8 are replaced. */
export interface KeyAt {
  readonly key: string;
  readonly revision: number;
}

export interface Counts {
  readonly created: number;
  readonly changed: number;
  readonly deleted: number;
}

/** Objects of one resource in one namespace that differ. */
export interface ObjectGroup extends Counts {
  readonly resource: string;
  /** Absent for what is in no namespace. */
  readonly namespace?: string;
  /** The first few that were created and deleted, in the order of their keys. */
  readonly createdNames: readonly string[];
  readonly deletedNames: readonly string[];
}

type Change = keyof Counts;

interface Growing {
  readonly resource: string;
  readonly namespace: string | undefined;
  readonly counts: Record<Change, number>;
  readonly names: Record<'created' | 'deleted', string[]>;
}

export const namesMax = 5;
/** Characters of a name that are told; of a thousand groups a report stays below 2 MiB. */
const nameLengthMax = 100;

/** Takes the keys of both sides in their order (D1), one step at a time. */
export class KeyDiff {
  private readonly groups = new Map<string, Growing>();

  /** Compares the two heads; says which side has to move on. */
  take(before: KeyAt | undefined, now: KeyAt | undefined): 'before' | 'now' | 'both' | 'end' {
    if (before === undefined) {
      if (now === undefined) return 'end';
      this.note('created', now.key);
      return 'now';
    }
    const order = now === undefined ? -1 : compareKeys(before.key, now.key);
    if (now === undefined || order < 0) {
      this.note('deleted', before.key);
      return 'before';
    }
    if (order > 0) {
      this.note('created', now.key);
      return 'now';
    }
    if (before.revision !== now.revision) this.note('changed', now.key);
    return 'both';
  }

  /** By resource, then by namespace. */
  result(): readonly ObjectGroup[] {
    return [...this.groups.values()]
      .toSorted(
        (a, b) =>
          compareTexts(a.resource, b.resource) ||
          compareTexts(String(a.namespace), String(b.namespace)),
      )
      .map(({ resource, namespace, counts, names }) => ({
        resource,
        ...(namespace === undefined ? {} : { namespace }),
        ...counts,
        createdNames: names.created,
        deletedNames: names.deleted,
      }));
  }

  private note(change: Change, key: string): void {
    const { resource: found, namespace, name } = storedObject(key);
    const resource = shortened(found);
    const id = `${resource} ${namespace ?? ''}`;
    const group = this.groups.get(id) ?? {
      resource,
      namespace,
      counts: { created: 0, changed: 0, deleted: 0 },
      names: { created: [], deleted: [] },
    };
    this.groups.set(id, group);
    group.counts[change] += 1;
    if (change === 'changed') return;
    const names = group.names[change];
    if (names.length < namesMax) names.push(shortened(name));
  }
}

/** Kubernetes allows 253 characters; a foreign key may have any number. */
function shortened(text: string): string {
  return text.length <= nameLengthMax ? text : `${text.slice(0, nameLengthMax)}…`;
}

/** In the order of their bytes in UTF-8, which is that of code points; JavaScript's is not. */
function compareKeys(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index += 1) {
    const difference = rankOf(a.charCodeAt(index)) - rankOf(b.charCodeAt(index));
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

/** Surrogates stand for what comes after U+FFFF, so they rank above every other code unit. */
function rankOf(unit: number): number {
  const isSurrogate = unit >= 0xd800 && unit <= 0xdfff;
  return isSurrogate ? unit + 0x10000 : unit;
}
