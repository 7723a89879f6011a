// Where the members of a control plane are: as the access file names them, or found anew whenever
// somebody asks, where their machines come and go.

import type { MemberName } from '../../domain/names';
import type { ClusterAccess } from '../access';
import { PortError } from '../ports';

type MemberAddresses = ClusterAccess['members'][number];
type EtcdEndpoints = ClusterAccess['etcd']['members'];

/** Methods throw PortError, or the signal's reason. */
export interface MemberDirectory {
  members(signal: AbortSignal): Promise<readonly MemberAddresses[]>;
  /** PortError `not-found` when there is none of the name, or no longer. */
  member(name: MemberName, signal: AbortSignal): Promise<MemberAddresses>;
}

export function namedMembers(members: ClusterAccess['members']): MemberDirectory {
  const byName = new Map<string, MemberAddresses>(members.map((one) => [one.name, one]));
  return {
    members: () => Promise.resolve(members),
    async member(name) {
      const found = byName.get(name);
      if (found !== undefined) return found;
      throw new PortError('not-found', `member ${name} is not in the access file`);
    },
  };
}

/** A member that serves, as its machine has it. */
export interface FoundMember extends MemberAddresses {
  readonly etcd: string;
}

/** Where etcd is asked, now. */
export type FindEtcd = (signal: AbortSignal) => Promise<EtcdEndpoints>;

/** Who asks for a member has mostly just asked which there are: only a stranger is looked for. */
export function foundMembers(
  find: (signal: AbortSignal) => Promise<readonly FoundMember[]>,
): MemberDirectory & { readonly etcd: FindEtcd } {
  let known: readonly FoundMember[] = [];
  const look = async (signal: AbortSignal): Promise<readonly FoundMember[]> => {
    known = await find(signal);
    return known;
  };
  return {
    members: look,
    async member(name, signal) {
      const isIt = (one: FoundMember): boolean => one.name === name;
      const found = known.find(isIt) ?? (await look(signal)).find(isIt);
      if (found !== undefined) return found;
      throw new PortError('not-found', `no machine of the control plane serves as ${name}`);
    },
    etcd: async (signal) =>
      (await look(signal)).map(({ name, etcd: endpoint }) => ({ name, endpoint })),
  };
}
