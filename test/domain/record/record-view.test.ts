import type { RecordEvidence } from '../../../domain/record/build-record';
import { buildRecord } from '../../../domain/record/build-record';
import { findingStories } from '../../../domain/record/finding-stories';
import type { RecordBody, StepMark } from '../../../domain/record/record';
import { viewOf } from '../../../domain/record/record-view';
import { stepSort } from '../../../domain/record/timeline';
import { hopId } from '../../support/builders';
import {
  blockingFinding,
  recordedHops,
  recordedTrail,
  recordEvidence,
  runningEvidence,
  startMs,
  warningFinding,
} from '../../support/record-evidence';

const minute = 60_000;
const day = 24 * 60 * minute;
const second = hopId('hop-1.30');

function view(changes: Partial<RecordEvidence> = {}, evidence = recordEvidence) {
  return viewOf(buildRecord({ ...evidence, ...changes }).entries);
}

/** A trail of these events, a second apart, behind the first line. */
type Line = Partial<RecordEvidence['trails'][number][number]>;

function eventsOf(...events: readonly Line[]) {
  const [asked] = recordedTrail;
  const lines = events.map((event, index) => {
    return { actor: 'ada', text: '', event: '', ...event, atMs: startMs + (index + 1) * 1_000 };
  });
  return [[...(asked === undefined ? [] : [asked]), ...lines]];
}

describe('decisions', () => {
  it('are what people asked, numbered, each with its request', () => {
    const told = view().decisions.map(({ number, entry, request }) => {
      return `${number} ${entry.actor} ${entry.event} ${request?.reason ?? '-'}`;
    });
    expect(told).toEqual([
      '1 ada upgrade.asked -',
      '2 grace command.pause a release',
      '3 grace command.resume it is out',
      '4 ada command.approve looks good',
      '5 linus command.approve mended',
      '6 linus command.quarantineNode its disk is worn',
      '7 ada command.rollBack errors rise',
    ]);
  });

  it('stand without their requests where those are gone', () => {
    const { decisions, rollBacks } = view({ requests: [] });
    expect(decisions.map(({ request }) => request)).toEqual(Array(7).fill(undefined));
    expect(rollBacks.map(({ decision }) => decision?.number)).toEqual([7]);
  });

  it('have acknowledgements and what a policy did among them', () => {
    const trails = eventsOf(
      { event: 'finding.accepted' },
      { event: 'rollback.automatic', actor: 'ascent' },
      { event: 'hop.begun' },
      { event: 'approval.void', actor: 'ascent' },
    );
    const { decisions, rollBacks } = view({ trails });
    expect(decisions.map(({ entry }) => entry.event)).toEqual([
      'upgrade.asked',
      'finding.accepted',
      'rollback.automatic',
      'approval.void',
    ]);
    expect(rollBacks[0]?.decision?.entry.event).toBe('rollback.automatic');
  });

  it('of a rollback are those for its hop', () => {
    const trails = eventsOf({ event: 'command.rollBack', requestId: 'r-9' });
    const hop = hopId('hop-1.29');
    const requests = [
      { requestId: 'r-9', command: 'rollBack', actor: 'ada', reason: 'no', hop },
    ] as const;
    expect(view({ trails, requests }).rollBacks).toEqual([{ hop: view().hops[1] }]);
  });
});

describe('versions', () => {
  it('are what ran before the first change and after the last', () => {
    expect(view().versions.map(({ what, before, after }) => `${what} ${before} ${after}`)).toEqual([
      'Kubernetes 1.28.15 1.29.15',
      'kube-apiserver of cp-1 1.28.15 1.29.15',
      'kube-apiserver of cp-2 1.28.15 1.29.15',
      'kube-apiserver of cp-3 1.28.15 1.29.15',
      'kubelet of worker-1 1.28.15 1.29.15',
      'kubelet of worker-2 1.28.15 1.29.15',
      'kubelet of worker-3 1.28.15 1.29.15',
    ]);
  });

  it('are those from before for a node of which a rollback that began again tells nothing', () => {
    const { status } = recordEvidence;
    const hops = status.hops.map((hop) => ({ ...hop, outcome: 'rolled-back' as const }));
    const { versions } = view({ status: { ...status, hops: hops.slice(0, 1) } });
    expect(versions.slice(-3)).toEqual(
      ['worker-1', 'worker-2', 'worker-3'].map((name) => ({
        what: `kubelet of ${name}`,
        before: '1.28.15',
        after: '1.28.15',
      })),
    );
  });

  it('of the whole are known at the end only', () => {
    const whole = ({ versions }: ReturnType<typeof view>) =>
      versions.find(({ what }) => what === 'Kubernetes');
    expect(whole(view({}, runningEvidence))).toBeUndefined();
    const { status } = recordEvidence;
    const [from, to] = [status.from, status.to] as [never, never];
    const completed = { outcome: 'completed', from, to, hops: [] } as const;
    expect(whole(view({ status: { ...status, result: completed } }))).toEqual({
      what: 'Kubernetes',
      before: '1.28.15',
      after: '1.30.14',
    });
    const refusal = { code: 'worker-missing', taskQueue: 'q', waitedSeconds: 20 } as const;
    const blocked = { outcome: 'blocked', refusal } as const;
    expect(whole(view({ status: { ...status, result: blocked } }))).toBeUndefined();
    const { from: _from, ...fromless } = status;
    expect(whole(view({ status: fromless }))).toBeUndefined();
  });
});

describe('nodes', () => {
  it('are told in each hop, also in the one that runs', () => {
    const told = (nodes: ReturnType<typeof view>['nodes']) =>
      nodes.map(({ hop, node, outcome, evicted }) => `${hop} ${node} ${outcome} ${evicted}`);
    expect(told(view().nodes)).toEqual([
      'hop-1.29 worker-1 upgraded 14',
      'hop-1.29 worker-2 upgraded 9',
      'hop-1.29 worker-3 upgraded 11',
      'hop-1.30 worker-1 undone 22',
      'hop-1.30 worker-2 quarantined 3',
    ]);
    expect(told(view({}, runningEvidence).nodes).at(-1)).toBe('hop-1.30 worker-1 upgraded 8');
  });

  it('of no hop are told between hops', () => {
    const now = { asOfMs: startMs + day, sentence: 'it waits' };
    expect(view({ now }, runningEvidence).nodes).toHaveLength(3);
    expect(view({ now }, runningEvidence).timeline.lanes).toHaveLength(1);
  });
});

describe('the timeline', () => {
  const spans = (changes: Partial<RecordEvidence> = {}, evidence = recordEvidence) =>
    view(changes, evidence).timeline.lanes.map(({ steps }) =>
      steps.map(({ label, startMs: from, endMs, ...more }) => {
        const flags = [...(more.isLaidOut ? ['laid'] : []), ...(more.isRunning ? ['runs'] : [])];
        return [label, (from - startMs) / 1_000, (endMs - startMs) / 1_000, ...flags].join(' ');
      }),
    );

  it('has each step from when it began for as long as it took', () => {
    expect(spans()).toEqual([
      [
        'preflight 120 124',
        'snapshot 124 145',
        'api-server cp-1 145 187',
        'api-server cp-2 187 227',
        'api-server cp-3 227 270',
        'controllers cp-2 270 279',
        'pool workers 279 7479',
        'verify 7479 7485',
        'soak 7485 11085',
      ],
      [
        'preflight 172800 173100',
        'snapshot 173100 173122',
        'api-server cp-1 173122 173166',
        'pool workers 173166 173506',
        'rollback look 174600 174601',
        'rollback pool workers 174601 174791',
        'rollback restore 174791 174835',
        'rollback verify 174835 174843',
      ],
    ]);
    expect(view().timeline).toMatchObject({ startMs, endMs: startMs + 2 * day + 35 * minute });
  });

  it('lays steps out whose beginnings are gone, behind those that are known', () => {
    const steps = recordEvidence.steps.filter(({ label }) => !label.startsWith('api-server'));
    expect(spans({ steps })[0]?.slice(0, 5)).toEqual([
      'preflight 120 124',
      'snapshot 124 145',
      'api-server cp-1 145 187 laid',
      'api-server cp-2 187 227 laid',
      'api-server cp-3 227 270 laid',
    ]);
    expect(spans({ steps: [] })[1]?.[0]).toBe('preflight 172800 173100 laid');
  });

  it('ends a step that began twice where the next begins, and one that nobody timed', () => {
    const [hop] = recordedHops;
    const bare = {
      ...(hop as (typeof recordedHops)[number]),
      stepSeconds: { preflight: 9 },
      startedAtMs: startMs,
      endedAtMs: startMs + 60_000,
    };
    const mark = (label: string, afterMs: number) => {
      return { hop: hopId('hop-1.29'), label, atMs: startMs + afterMs };
    };
    const steps = [mark('preflight', 0), mark('look', 4_000), mark('preflight', 9_000)];
    const status = { ...recordEvidence.status, hops: [bare] };
    expect(spans({ status, steps })).toEqual([['preflight 0 4', 'look 4 9', 'preflight 9 60']]);
  });

  it('has the step under way until the record was made', () => {
    expect(spans({}, runningEvidence)[1]).toEqual([
      'preflight 172800 173100',
      'snapshot 173100 173122',
      'api-server cp-1 173122 173166',
      'pool workers 173166 174000 runs',
    ]);
  });

  it('knows nothing of what a running hop did before, where that is gone', () => {
    expect(spans({ steps: [] }, runningEvidence)[1]).toEqual([
      'preflight 173166 173466 laid',
      'snapshot 173466 173488 laid',
      'api-server cp-1 173488 173532 laid',
      'pool workers 173166 174000 runs',
    ]);
  });

  it('has a hop that is rolled back now once, with what it did before', () => {
    const { now } = runningEvidence;
    const stepSinceMs = startMs + 2 * day + 30 * minute;
    const hop = {
      id: second,
      step: 'rollback look',
      stepSinceMs,
      steps: [],
      members: [],
      nodes: [],
    };
    const status = { ...runningEvidence.status, hops: recordedHops };
    const running = {
      status,
      steps: recordEvidence.steps,
      now: { ...now, asOfMs: 0, hop } as never,
    };
    const [, lane] = spans(running, runningEvidence);
    expect(lane?.slice(0, 2)).toEqual(['preflight 172800 173100', 'snapshot 173100 173122']);
    expect(lane?.at(-1)).toBe('rollback look 174600 174600 runs');
    expect(lane?.filter((step) => step.startsWith('preflight'))).toHaveLength(1);
  });

  it('has gates from their opening to their answer', () => {
    const { gates } = view().timeline;
    expect(
      gates.map(({ gate, openedMs, closedMs, by }) => {
        const span = [openedMs, closedMs ?? 0].map((atMs) => (atMs - startMs) / minute);
        return `${gate} ${span.join(' ')} ${by?.event ?? ''} ${by?.actor ?? ''}`;
      }),
    ).toEqual([
      'approve/hop-1.30 186 2880 command.approve ada',
      'hop-1.30/preflight 2881 2885 command.approve linus',
      'node/worker-2 2894 2900 command.quarantineNode linus',
    ]);
  });

  it.each([
    ['stays open', 'hop.begun', undefined],
    ['is void when somebody goes back', 'command.rollBack', 'command.rollBack'],
    ['is void when the policy does', 'rollback.automatic', 'rollback.automatic'],
    ['is void when somebody ends it', 'command.reject', 'command.reject'],
    ['is void when the hop ends', 'hop.stopped', 'hop.stopped'],
    ['is void at the end', 'upgrade.cancelled', 'upgrade.cancelled'],
    ['stays open while nothing moves', 'upgrade.paused', undefined],
  ])('a gate %s', (_what, event, closedBy) => {
    const gate = 'approve/hop-1.30' as never;
    const trails = eventsOf({ event: 'gate.opened', gate }, { event });
    expect(view({ trails }).timeline.gates.map(({ by }) => by?.event)).toEqual([closedBy]);
  });

  it('a gate that is opened again was closed, and another one does not close it', () => {
    const gate = 'hop-1.30/plan' as never;
    const other = 'node/worker-1' as never;
    const node = 'worker-1' as never;
    const trails = eventsOf(
      { event: 'gate.opened', gate },
      { event: 'gate.opened', gate: other, node },
      { event: 'command.retryNode', node: 'worker-9' as never },
      { event: 'command.approve', gate: 'approve/hop-1.31' as never },
      { event: 'gate.opened', gate },
      { event: 'command.pause', node },
      // Lines of older releases do not name the gate.
      { event: 'gate.opened' },
    );
    const { gates } = view({ trails }).timeline;
    expect(gates.map(({ gate: id, by }) => `${id} ${by?.event ?? 'open'}`)).toEqual([
      'hop-1.30/plan gate.opened',
      'node/worker-1 open',
      'hop-1.30/plan open',
    ]);
  });

  it('a gate is closed by the acknowledgement that answers it, and by no other', () => {
    const gate = 'hop-1.30/preflight' as never;
    const acknowledged = { event: 'command.acknowledge', actor: 'ada' };
    const opened = { event: 'gate.opened', gate };
    const closedBy = (...more: readonly Line[]) =>
      view({ trails: eventsOf(opened, ...more) }).timeline.gates.map(({ by }) => by);
    expect(closedBy(acknowledged)).toEqual([undefined]);
    expect(closedBy(acknowledged, { ...acknowledged, actor: 'grace', gate })).toEqual([
      { event: 'command.acknowledge', actor: 'grace' },
    ]);
  });

  it('has pauses until they were lifted', () => {
    const told = (trails: RecordEvidence['trails']) =>
      view({ trails }).timeline.pauses.map(({ actor, startMs: from, endMs }) => {
        return `${actor} ${from - startMs} ${endMs === undefined ? 'lasts' : endMs - startMs}`;
      });
    expect(told([recordedTrail])).toEqual(['grace 1200000 7200000']);
    expect(told(eventsOf({ event: 'command.pause' }, { event: 'upgrade.paused' }))).toEqual([
      'ada 1000 lasts',
    ]);
    expect(told(eventsOf({ event: 'command.pause' }, { event: 'command.rollBack' }))).toEqual([
      'ada 1000 2000',
    ]);
  });

  it.each([
    ['preflight', 'preparing'],
    ['images', 'preparing'],
    ['api-server cp-1', 'control-plane'],
    ['etcd cp-1', 'control-plane'],
    ['pool web', 'nodes'],
    ['rollout web', 'nodes'],
    ['verify', 'checking'],
    ['soak', 'soak'],
    ['emulation-soak', 'soak'],
    ['rollback pool web', 'rollback'],
  ])('takes %s for %s', (label, sort) => {
    expect(stepSort(label)).toBe(sort);
  });
});

describe('findings', () => {
  it('end as gone, standing or holding', () => {
    expect(
      view().findings.map(({ hop, finding, firstSeenMs, lastSeenMs, end }) => {
        const seen = [firstSeenMs, lastSeenMs].map((atMs) => (atMs - startMs) / 1_000);
        return `${hop} ${finding.code} ${seen.join(' ')} ${end}`;
      }),
    ).toEqual([
      'hop-1.29 certificate-expires 124 124 stood',
      'hop-1.30 node-not-ready 172830 172830 gone',
      'hop-1.30 certificate-expires 172830 173100 stood',
    ]);
    const look = { hop: second, step: 'api-server cp-1', atMs: 5, findings: [blockingFinding] };
    const endsWith = (...steps: readonly StepMark[]) => findingStories([look], steps)[0]?.end;
    expect(endsWith()).toBe('held');
    const mark = { hop: second, label: 'api-server cp-2', atMs: 6 };
    expect(endsWith({ ...mark, label: 'api-server cp-1' })).toBe('held');
    expect(endsWith({ ...mark, label: 'rollback look' })).toBe('held');
    expect(endsWith({ ...mark, hop: hopId('hop-1.29') })).toBe('held');
    expect(endsWith({ ...mark, atMs: 4 })).toBe('held');
    expect(endsWith(mark)).toBe('accepted');
  });

  it('of one object are told apart by what they are about', () => {
    const findings = ['a', 'b'].map((about) => ({ ...warningFinding, about }));
    const look = { hop: second, step: 'preflight', atMs: 5, findings };
    expect(findingStories([look], [])).toHaveLength(2);
  });

  it('are those of their step, in the order of time', () => {
    const look = { hop: second, findings: [warningFinding] };
    const stories = findingStories(
      [
        { ...look, step: 'preflight', atMs: 9 },
        { ...look, step: 'preflight', atMs: 3 },
        { ...look, step: 'etcd cp-1', atMs: 5, findings: [] },
      ],
      [],
    );
    expect(stories).toEqual([
      {
        hop: second,
        step: 'preflight',
        finding: warningFinding,
        firstSeenMs: 3,
        lastSeenMs: 9,
        end: 'stood',
      },
    ]);
  });
});

it('a view begins with the upgrade', () => {
  const bodies: readonly RecordBody[] = [];
  expect(() => viewOf(bodies)).toThrow(TypeError);
});
