// The search attributes of upgradeCluster must exist before the first upgrade starts, else the
// server refuses its start. Here they are added where the server allows it.
// S1. A server that does not let us look (Temporal Cloud) is trusted; the worker says so.
// S2. An attribute of another type is never changed: somebody else uses it.

import type { NativeConnection } from '@temporalio/worker';

import { allSearchAttributes } from '../domain/search-attributes';
import { grpcCodeOf, isUnimplemented } from './grpc-codes';
import { WorkerError } from './worker-error';

/** temporal.api.enums.v1.IndexedValueType. */
const keyword = 2;

export type SearchAttributesResult =
  | { readonly kind: 'present' }
  | { readonly kind: 'added'; readonly names: readonly string[] }
  /** The server does not tell; `command` adds them by hand. */
  | { readonly kind: 'unverified'; readonly command: string };

/** What of a connection is used. */
export interface OperatorConnection {
  readonly operatorService: Pick<
    NativeConnection['operatorService'],
    'listSearchAttributes' | 'addSearchAttributes'
  >;
}

/** How a person adds them. */
function createCommand(namespace: string, names: readonly string[]): string {
  const attributes = names.map((name) => `--name ${name} --type Keyword`).join(' ');
  return `temporal operator search-attribute create --namespace ${namespace} ${attributes}`;
}

/**
 * Sees to it that all attributes exist in the namespace. Safe to repeat, also at the same time.
 * Throws WorkerError `search-attributes-missing` with the command that a person has to run.
 */
export async function ensureSearchAttributes(
  { operatorService }: OperatorConnection,
  namespace: string,
): Promise<SearchAttributesResult> {
  const known = await list(operatorService, namespace);
  if (known === undefined) {
    return { kind: 'unverified', command: createCommand(namespace, allSearchAttributes) };
  }
  const ofOtherType = allSearchAttributes.filter((name) => known.get(name) === false);
  if (ofOtherType.length > 0) throw typeTaken(namespace, ofOtherType);
  const names = allSearchAttributes.filter((name) => !known.has(name));
  if (names.length === 0) return { kind: 'present' };
  try {
    const searchAttributes = Object.fromEntries(names.map((name) => [name, keyword]));
    await operatorService.addSearchAttributes({ namespace, searchAttributes });
  } catch (cause) {
    const now = await list(operatorService, namespace);
    if (!names.every((name) => now?.get(name) === true)) throw missing(namespace, names, cause);
  }
  return { kind: 'added', names };
}

/** Name → whether it is a Keyword; undefined when this server does not tell. */
async function list(
  operatorService: OperatorConnection['operatorService'],
  namespace: string,
): Promise<ReadonlyMap<string, boolean> | undefined> {
  try {
    const { customAttributes } = await operatorService.listSearchAttributes({ namespace });
    return new Map(
      Object.entries(customAttributes).map(([name, type]) => [name, type === keyword]),
    );
  } catch (error) {
    if (isUnimplemented(error) || grpcCodeOf(error) === 'PERMISSION_DENIED') return undefined;
    throw error;
  }
}

function missing(namespace: string, names: readonly string[], cause: unknown): WorkerError {
  return new WorkerError({
    code: 'search-attributes-missing',
    message: `namespace ${namespace} lacks search attributes: ${names.join(', ')}`,
    remedy: `add them: ${createCommand(namespace, names)}`,
    cause,
  });
}

function typeTaken(namespace: string, names: readonly string[]): WorkerError {
  return new WorkerError({
    code: 'search-attributes-missing',
    message:
      `in namespace ${namespace} these search attributes are not of type Keyword:` +
      ` ${names.join(', ')}`,
    remedy: 'use another namespace for Ascent, or remove them there if nothing uses them',
  });
}
