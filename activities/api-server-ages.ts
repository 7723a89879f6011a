// A kubelet is never newer than an API server (R5), whoever starts it.

import type { FailureCode } from '../domain/failures';
import { type KubeVersion, minorsBetween } from '../domain/versions';
import type { ActivityDependencies, ActivityRun } from './activity-run';
import { terminalFailure } from './failure-mapping';

/** Throws when an API server that answers is of an older minor. `refused` begins the message. */
export async function refuseOlderApiServers(
  { ports }: ActivityDependencies,
  { signal }: ActivityRun,
  refusal: { readonly refused: string; readonly to: KubeVersion; readonly code: FailureCode },
): Promise<void> {
  const { refused, to, code } = refusal;
  const probe = ports.members;
  const apiServers = await Promise.all(
    (await probe.members(signal)).map(async ({ name }) => ({
      name,
      observed: await probe.apiServer(name, signal),
    })),
  );
  for (const { name, observed } of apiServers) {
    if (observed.kind === 'unobserved' || minorsBetween(observed.version, to) <= 0) continue;
    throw terminalFailure({
      code,
      message: `${refused}: the API server of ${name} runs ${observed.version}, which is older`,
      details: { apiServer: name, runs: observed.version, to },
    });
  }
}
