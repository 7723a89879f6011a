// What is changed about the membership of etcd, through the JSON gateway of one of its members.

import type { LabMember } from '../lab-file';
import { etcdUrl } from '../flags';
import type { Probes } from './probes';

export interface ListedEtcdMember {
  /** Decimal. */
  readonly id: string;
  /** Empty until it has started once. */
  readonly name: string;
  readonly peerUrls: readonly string[];
}

/** Every method throws when the member does not answer, or refuses. */
export class EtcdAdmin {
  private readonly probes: Probes;

  constructor(probes: Probes) {
    this.probes = probes;
  }

  async members(of: LabMember): Promise<readonly ListedEtcdMember[]> {
    const { members = [] } = (await this.ask(of, 'list', {})) as {
      members?: readonly { ID: string; name?: string; peerURLs?: readonly string[] }[];
    };
    return members.map(({ ID, name = '', peerURLs = [] }) => ({
      id: ID,
      name,
      peerUrls: peerURLs,
    }));
  }

  async remove(through: LabMember, id: string): Promise<void> {
    await this.ask(through, 'remove', { ID: id });
  }

  async add(through: LabMember, peerUrl: string): Promise<void> {
    await this.ask(through, 'add', { peerURLs: [peerUrl] });
  }

  private async ask(member: LabMember, what: string, body: unknown): Promise<unknown> {
    const answer = await this.probes.askEtcd(`${etcdUrl(member)}/v3/cluster/member/${what}`, body);
    if (answer?.status === 200) return JSON.parse(answer.text) as unknown;
    const said = answer === undefined ? 'no answer' : `${answer.status} ${answer.text.trim()}`;
    throw new Error(`etcd of ${member.name}, member ${what}: ${said}`);
  }
}
