// How many members there are and where they stand, told with what follows from it.

import type { ControlPlaneObservation } from './preflight-cluster';
import type { Finding } from './findings';
import type { MemberObservation, NodeObservation, Observation } from '../observation';
import { compareTexts } from '../text-order';

const cluster = { kind: 'cluster' } as const;

/** An even number bears no more losses than one member less (quorum is n / 2 + 1). */
export function memberCountFindings({ members }: ControlPlaneObservation): readonly Finding[] {
  if (members.length === 0) {
    return [
      {
        code: 'api-server-unobserved',
        severity: 'blocks',
        object: cluster,
        message: 'no control-plane member of it is known',
        remedy: 'name the members in the cluster access file',
        evidence: { problem: 'no-member' },
      },
    ];
  }
  if (members.length === 1) {
    return [
      {
        code: 'member-single',
        severity: 'warns',
        object: cluster,
        message: 'it has a single control-plane member, so the API is down while that changes',
        remedy: 'add two members, or run the hop when nobody needs the API',
      },
    ];
  }
  if (members.length % 2 === 1) return [];
  const bears = members.length - quorumOf(members.length);
  return [
    {
      code: 'member-count-even',
      severity: 'warns',
      object: cluster,
      message:
        `it has ${members.length} control-plane members, an even number: it bears the loss of` +
        ` ${bears}, as ${members.length - 1} would` +
        (bears === 0 ? '; while one changes, none may fail' : ''),
      remedy: 'add a member: an even number bears no more losses than one member less',
      evidence: { members: members.length },
    },
  ];
}

function quorumOf(count: number): number {
  return Math.floor(count / 2) + 1;
}

/** What the loss of one host, or of one zone, would take along. */
export function memberSpreadFindings({ members, nodes }: Observation): readonly Finding[] {
  return [...hostFindings(members), ...zoneFindings(members, nodes)];
}

function hostFindings(members: readonly MemberObservation[]): readonly Finding[] {
  return grouped(members, ({ endpoint }) => hostOf(endpoint))
    .slice(0, 1)
    .filter(({ names }) => names.length > 1)
    .map((largest) => ({
      code: 'members-one-host',
      severity: 'warns',
      object: cluster,
      message: lossText(largest, `on host ${largest.place}`, members.length),
      remedy: 'place each control-plane member on a host of its own',
      evidence: { host: largest.place, members: largest.names },
    }));
}

/**
 * A member is on the node of its name, as kubeadm has it; where a zone is not known nothing is
 * said. Two members cannot be placed so that one of them is enough.
 */
function zoneFindings(
  members: readonly MemberObservation[],
  nodes: readonly NodeObservation[],
): readonly Finding[] {
  const zones = new Map<string, string>(nodes.map(({ name, zone }) => [name, zone]));
  const zoneOf = ({ name }: MemberObservation): string => zones.get(name) ?? '';
  if (members.length < 3 || members.some((member) => zoneOf(member) === '')) return [];
  const isPossible = new Set([...zones.values()].filter((zone) => zone !== '')).size > 2;
  return grouped(members, zoneOf)
    .slice(0, 1)
    .filter(({ names }) => members.length - names.length < quorumOf(members.length))
    .map((largest) => ({
      code: 'members-one-zone',
      severity: isPossible ? 'warns' : 'notes',
      object: cluster,
      message: lossText(largest, `in zone ${largest.place}`, members.length),
      remedy: 'spread the control-plane members over three zones',
      evidence: { zone: largest.place, members: largest.names },
    }));
}

interface Place {
  readonly place: string;
  readonly names: readonly string[];
}

/** The largest first; of equals the first by name. */
function grouped(
  members: readonly MemberObservation[],
  placeOf: (member: MemberObservation) => string,
): readonly Place[] {
  const places = new Map<string, string[]>();
  for (const member of members) {
    const place = placeOf(member);
    places.set(place, [...(places.get(place) ?? []), member.name]);
  }
  return [...places]
    .map(([place, names]) => ({ place, names: names.toSorted() }))
    .toSorted((a, b) => b.names.length - a.names.length || compareTexts(a.place, b.place));
}

function lossText({ names }: Place, where: string, count: number): string {
  const left = count - names.length;
  return (
    `${names.length} of ${count} control-plane members are ${where} (${names.join(', ')}):` +
    ` should it fail, ${left} are left and ${quorumOf(count)} are needed`
  );
}

/** `https://10.0.0.1:6443` is on 10.0.0.1; domain/ has no URL of its own. */
function hostOf(endpoint: string): string {
  return endpoint.replace(/^[a-z]+:\/\//, '').replace(/(:\d+)?(\/.*)?$/, '');
}
