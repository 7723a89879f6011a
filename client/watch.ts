// Follows an upgrade until it ends: what a look at it is, and the last one. How it is followed is
// in follow.ts.

import type { UpgradeProgress, UpgradeResult } from '../domain/status/progress';
import { resultSentence } from '../domain/status/status-sentences';
import type { Session } from './calls';
import { callUpgrade, resultOf } from './calls';
import type { WatchOptions } from './follow';
import { follow } from './follow';
import { readProgress } from './progress';

/**
 * Yields where the upgrade stands, every `intervalMs`; the last one has `status.result`, which is
 * also the generator's return value. Throws AscentError: upgrade-not-found, upgrade-failed,
 * temporal-refused; temporal-unreachable only when the very first answer does not come.
 */
export function watchUpgrade(
  session: Session,
  cluster: string,
  options: WatchOptions = {},
): AsyncGenerator<UpgradeProgress, UpgradeResult | undefined> {
  return follow(
    session,
    {
      describe: () => callUpgrade(session, cluster, (upgrade) => upgrade.describe()),
      resultOf: (handle) => resultOf(handle, cluster),
      look: (brief) => readProgress(brief, cluster),
      finalLook: (result, before) => finalProgress(session, cluster, result, before),
    },
    options,
  );
}

/** The workers may be gone by now: then the result is put onto what was seen last. */
async function finalProgress(
  session: Session,
  cluster: string,
  result: UpgradeResult,
  last: UpgradeProgress | undefined,
): Promise<UpgradeProgress> {
  const seen = await readProgress(session, cluster).catch(() => undefined);
  if (seen?.status.result !== undefined) return seen;
  const base = last?.status ?? emptyStatus(cluster);
  const status = {
    ...base,
    phase: 'ended',
    gates: [],
    result,
    sentence: resultSentence(cluster, result),
    hops: 'hops' in result ? result.hops : base.hops,
  } as const;
  return { status, members: [], nodes: [] };
}

function emptyStatus(cluster: string): UpgradeProgress['status'] {
  return {
    schema: 'ascent.status/v1',
    cluster: cluster as UpgradeProgress['status']['cluster'],
    phase: 'ended',
    sentence: '',
    gates: [],
    hops: [],
    startedAtMs: 0,
  };
}
