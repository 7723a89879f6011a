// What clients ask each API server for, for a preflight.

import type { MemberDeprecatedUse } from '../domain/deprecated-apis';
import type { LookingPorts } from './ports';

interface Looking {
  readonly ports: Pick<LookingPorts, 'members'>;
  readonly signal: AbortSignal;
}

export async function observeDeprecatedUse({
  ports: { members: probe },
  signal,
}: Looking): Promise<readonly MemberDeprecatedUse[]> {
  return Promise.all(
    (await probe.members(signal)).map(async ({ name }) => ({
      member: name,
      use: await probe.deprecatedApis(name, signal),
    })),
  );
}
