import type { DeprecatedApiUse, MemberDeprecatedUse } from '../../../domain/deprecated-apis';
import type { MemberName } from '../../../domain/names';
import { whyNeverAcknowledged } from '../../../domain/preflight/acknowledgeable';
import { evidenceDigest, findingKey } from '../../../domain/preflight/identity';
import { apiFindings } from '../../../domain/preflight/preflight-apis';
import { findingObjectText } from '../../../domain/status/sentences';
import { version } from '../../support/builders';

const hop = { from: version('1.28.15'), to: version('1.29.15') };
const flows: DeprecatedApiUse = {
  group: 'flowcontrol.apiserver.k8s.io',
  version: 'v1beta2',
  resource: 'flowschemas',
  removedIn: '1.29',
  requests: 3,
};

const asked = (member: string, ...items: readonly DeprecatedApiUse[]): MemberDeprecatedUse => ({
  member: member as MemberName,
  use: { kind: 'observed', items },
});

const found = (...deprecatedUse: readonly MemberDeprecatedUse[]) =>
  apiFindings({ observation: { deprecatedUse }, hop }).map(
    ({ code, severity, object, message, remedy }) => ({
      said: [severity, code, findingObjectText(object)].join(' '),
      message,
      remedy,
    }),
  );

it('finds nothing where nobody asks for what is deprecated, or it was not looked at', () => {
  expect(found(asked('cp-1'), asked('cp-2'))).toEqual([]);
  expect(apiFindings({ observation: {}, hop })).toEqual([]);
});

it('warns of what the hop takes away, and counts what all members were asked', () => {
  const more = { ...flows, requests: 4 };
  expect(found(asked('cp-2', more), asked('cp-3'), asked('cp-1', flows))).toEqual([
    {
      said: 'warns removed-api-used API flowcontrol.apiserver.k8s.io/v1beta2 flowschemas',
      message: 'somebody has asked for it 7 times since cp-1, cp-2 started: gone in 1.29',
      remedy:
        'have clients use flowcontrol.apiserver.k8s.io/v1 FlowSchema;' +
        ' audit logs name them, by the annotation k8s.io/deprecated',
    },
  ]);
});

describe('what the hop takes away and is asked for all the time', () => {
  const since = (hours: number, requests: number, member = 'cp-1'): MemberDeprecatedUse => ({
    member: member as MemberName,
    use: {
      kind: 'observed',
      items: [{ ...flows, requests }],
      upSeconds: hours * 3_600,
    },
  });

  it('blocks, and says how often, and what to do once clients have moved', () => {
    expect(found(since(10, 40), since(20, 40, 'cp-2'))).toEqual([
      {
        said: 'blocks removed-api-used API flowcontrol.apiserver.k8s.io/v1beta2 flowschemas',
        message:
          'somebody has asked for it 80 times since cp-1, cp-2 started, about 6 an hour:' +
          ' gone in 1.29',
        remedy:
          'have clients use flowcontrol.apiserver.k8s.io/v1 FlowSchema;' +
          ' audit logs name them, by the annotation k8s.io/deprecated;' +
          ' acknowledge it once they have moved, as what was counted stays',
      },
    ]);
  });

  it.each([
    ['ten times in ten hours', [since(10, 10)], 'blocks'],
    ['ten times in eleven hours', [since(11, 10)], 'warns'],
    ['ten times in a minute, which is not taken for 600', [since(1 / 60, 10)], 'blocks'],
    ['nine times in a minute', [since(1 / 60, 9)], 'warns'],
    ['by two members together', [since(10, 5), since(10, 5, 'cp-2')], 'blocks'],
    ['of one member, of which nothing is known', [since(10, 10), asked('cp-2', flows)], 'blocks'],
    ['since nobody knows when', [asked('cp-1', { ...flows, requests: 9_999 })], 'warns'],
  ])('is what was asked for %s', (_what, uses, severity) => {
    expect(found(...uses).map(({ said }) => said.split(' ')[0])).toEqual([severity]);
  });

  it('can be answered for, while it goes on being counted', () => {
    const [first, later] = [since(10, 40), since(20, 9_000)].map((use) =>
      apiFindings({ observation: { deprecatedUse: [use] }, hop }).map((finding) => [
        findingKey(finding),
        evidenceDigest(finding),
        whyNeverAcknowledged(finding.code),
      ]),
    );
    expect(later).toEqual(first);
    expect(first?.[0]?.[2]).toBeUndefined();
  });
});

it('notes what a later minor takes away, and what none is named for', () => {
  const later = { ...flows, version: 'v1beta3', removedIn: '1.32', requests: 0 };
  const never = { group: '', version: 'v1', resource: 'componentstatuses', requests: 1 };
  expect(found(asked('cp-1', later, never))).toEqual([
    {
      said: 'notes deprecated-api-used API flowcontrol.apiserver.k8s.io/v1beta3 flowschemas',
      message: 'somebody has asked for it since cp-1 started: gone in 1.32',
      remedy:
        'have clients use flowcontrol.apiserver.k8s.io/v1 FlowSchema;' +
        ' audit logs name them, by the annotation k8s.io/deprecated',
    },
    {
      said: 'notes deprecated-api-used API v1 componentstatuses',
      message:
        'somebody has asked for it 1 time since cp-1 started: no minor is named that is without it',
      remedy:
        'have clients use a version that stays;' +
        ' audit logs name them, by the annotation k8s.io/deprecated',
    },
  ]);
});

it('says which member did not tell', () => {
  const problem = { code: 'forbidden', message: 'asking cp-1/metrics: HTTP 403' } as const;
  const silent = { member: 'cp-1' as MemberName, use: { kind: 'unobserved', problem } as const };
  expect(found(silent, asked('cp-2', flows)).map(({ said, message }) => [said, message])).toEqual([
    [
      'warns api-use-unobserved member cp-1',
      'which deprecated APIs it is asked for could not be read: asking cp-1/metrics: HTTP 403',
    ],
    [
      'warns removed-api-used API flowcontrol.apiserver.k8s.io/v1beta2 flowschemas',
      'somebody has asked for it 3 times since cp-2 started: gone in 1.29',
    ],
  ]);
});
