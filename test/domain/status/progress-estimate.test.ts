import type { HopOutcome, NodeOutcome } from '../../../domain/status/progress';
import type { HopUnderWay } from '../../../domain/status/progress-estimate';
import {
  firstGuessSeconds,
  pacedSecondsLeft,
  passedSecondsLeft,
  type PoolUnderWay,
  type ProgressSoFar,
  timeLeft,
} from '../../../domain/status/progress-estimate';
import {
  aCluster,
  aPlan,
  aPool,
  aSpec,
  hopId,
  minor,
  nodeName,
  version,
} from '../../support/builders';

const from = version('1.28.15');
const to = version('1.29.15');
const spec = aSpec({ pools: [aPool({ maxUnavailable: 2 })] });
const plan = aPlan(spec, aCluster().withMembers(2).withNodes(5).observation());

function upgraded(name: string, seconds: number, outcome: NodeOutcome['outcome'] = 'upgraded') {
  const counts = { evicted: 0, refusals: 0 };
  return { node: nodeName(name), outcome, before: from, after: to, ...counts, seconds };
}

/** The first hop, done: every step and node with its own duration. */
const firstHop: HopOutcome = {
  hop: hopId('hop-1.29'),
  from,
  to,
  outcome: 'completed',
  members: [],
  nodes: [upgraded('worker-1', 40), upgraded('worker-2', 20), upgraded('worker-3', 30)],
  stepSeconds: {
    preflight: 2,
    snapshot: 4,
    'api-server cp-1': 9,
    'api-server cp-2': 11,
    'controllers cp-1': 3,
    'controllers cp-2': 5,
    'pool workers': 100,
    verify: 6,
    soak: 30,
  },
  startedAtMs: 0,
  endedAtMs: 170_000,
};

function current(overrides: Partial<HopUnderWay>): HopUnderWay {
  return {
    hop: hopId('hop-1.30'),
    step: 'preflight',
    stepSinceMs: 200_000,
    stepSeconds: {},
    ...overrides,
  };
}

function secondsLeft(progress: ProgressSoFar): number | undefined {
  return timeLeft(progress)?.secondsLeft;
}

describe('the time left', () => {
  it('is not known before anything was seen', () => {
    expect(secondsLeft({ plan, hops: [], nowMs: 0 })).toBeUndefined();
    const nothing = current({ hop: hopId('hop-1.29') });
    expect(secondsLeft({ plan, hops: [], current: nothing, nowMs: 0 })).toBeUndefined();
  });

  it('is that of the next hop by the medians of the first', () => {
    // 2 + 4 + 2 x 9 + 2 x 3 + 3 rounds x 30 + 6 + soak 30
    expect(secondsLeft({ plan, hops: [firstHop], nowMs: 0 })).toBe(156);
  });

  it('counts the members of etcd that are left', () => {
    const { controlPlane } = spec;
    const wanted = [{ hop: minor('1.30'), version: version('3.5.35') }];
    const other = { ...spec, controlPlane: { ...controlPlane, etcd: wanted } };
    const longer = aPlan(other, aCluster().withMembers(2).withNodes(5).observation());
    const guess = firstGuessSeconds.etcd;
    const under = current({ step: 'etcd etcd-2', stepSeconds: { 'etcd etcd-1': 7 } });

    expect(secondsLeft({ plan: longer, hops: [firstHop], nowMs: 0 })).toBe(156 + 2 * guess);
    expect(secondsLeft({ plan: longer, hops: [firstHop], current: under, nowMs: 200_000 })).toBe(
      156 + 7,
    );
  });

  it('counts the soak and the switch of a hop in two steps', () => {
    const emulation = [{ hop: minor('1.32'), soakMs: 60_000 }];
    const target = minor('1.32');
    const { controlPlane } = spec;
    const other = { ...spec, target, controlPlane: { ...controlPlane, emulation } };
    const seen = aCluster().withMembers(2, '1.31.14').withNodes(5, '1.31.14').observation();
    const { 'end-emulation': server, 'end-emulation-controllers': rest } = firstGuessSeconds;
    const inHop = { hop: hopId('hop-1.32'), plan: aPlan(other, seen) };
    const left = (step: string, stepSeconds: Record<string, number>) =>
      secondsLeft({
        plan: inHop.plan,
        hops: [],
        current: current({ hop: inHop.hop, step, stepSeconds }),
        nowMs: 200_000,
      });
    const done = { controllers: 5, 'emulation-soak': 60 };
    const begun = left('end-emulation cp-1', done) ?? 0;

    expect((left('emulation-soak', { controllers: 5 }) ?? 0) - begun).toBe(60);
    const first = left('end-emulation-controllers cp-1', {
      ...done,
      'end-emulation cp-1': server,
      'end-emulation cp-2': server,
    });
    expect(begun - (first ?? 0)).toBe(2 * server);
    const last = left('pool workers', {
      ...done,
      'end-emulation cp-1': server,
      'end-emulation cp-2': server,
      'end-emulation-controllers cp-1': rest,
      'end-emulation-controllers cp-2': rest,
    });
    expect((first ?? 0) - (last ?? 0)).toBe(2 * rest);
  });

  it('is guessed for kinds that were not seen yet', () => {
    const preflight = current({ hop: hopId('hop-1.29'), stepSeconds: { preflight: 2 } });
    const guess = firstGuessSeconds;
    const hop =
      guess.snapshot +
      2 * guess['api-server'] +
      2 * guess.controllers +
      3 * guess.node +
      guess.verify +
      30;
    const step = { ...preflight, step: 'snapshot', stepSinceMs: 0 };
    expect(secondsLeft({ plan, hops: [], current: step, nowMs: 0 })).toBe(2 * hop + 2);
  });

  it('shrinks while a step runs, but not below nothing', () => {
    const done = { preflight: 2, snapshot: 4, 'api-server cp-1': 9, 'api-server cp-2': 9 };
    const step = current({ step: 'controllers cp-1', stepSeconds: done });
    const left = (nowMs: number) => secondsLeft({ plan, hops: [firstHop], current: step, nowMs });
    // 2 x 3 + 90 + 6 + 30
    expect([200_000, 202_000, 203_000, 900_000].map(left)).toEqual([132, 130, 129, 129]);
    expect(left(100_000)).toBe(132);
  });

  it('passes by itself while a step goes on that is no pool', () => {
    const stepSeconds = { preflight: 2, snapshot: 4, 'api-server cp-1': 9, 'api-server cp-2': 9 };
    const soak = current({
      step: 'soak',
      stepSinceMs: 200_000,
      stepSeconds: { ...stepSeconds, controllers: 8, 'pool workers': 90, verify: 6 },
    });
    const foreseen = timeLeft({ plan, hops: [firstHop], current: soak, nowMs: 210_000 });
    expect(foreseen).toEqual({ secondsLeft: 20, stepSecondsLeft: 20, leftAtMs: 210_000 });

    const left = (nowMs: number) => passedSecondsLeft({ ...foreseen, secondsLeft: 50 }, nowMs);
    // 30 s of other steps stay, also when the soak takes longer.
    expect([200_000, 210_000, 222_400, 230_000, 900_000].map(left)).toEqual([50, 50, 38, 30, 30]);
    expect(passedSecondsLeft({ secondsLeft: 7 }, 0)).toBe(7);
    expect(passedSecondsLeft({ secondsLeft: 7, stepSecondsLeft: 2 }, 0)).toBe(7);
    expect(passedSecondsLeft({}, 0)).toBeUndefined();
  });

  it('of a pool depends on the nodes that are left', () => {
    const stepSeconds = {
      preflight: 2,
      snapshot: 4,
      'api-server cp-1': 9,
      'api-server cp-2': 9,
      controllers: 8,
    };
    const nodes = [upgraded('worker-1', 30), upgraded('worker-4', 1, 'skipped')];
    const step = current({ step: 'pool workers', stepSeconds, nodes });
    // 2 rounds x 30 + 6 + 30, however long the pool has been at it.
    expect(timeLeft({ plan, hops: [firstHop], current: step, nowMs: 900_000 })).toEqual({
      secondsLeft: 96,
      poolSecondsLeft: 60,
    });
  });

  it('is nothing at the end', () => {
    const second = { ...firstHop, hop: hopId('hop-1.30') };
    expect(secondsLeft({ plan, hops: [firstHop, second], nowMs: 0 })).toBe(0);
  });
});

describe('the time left with a pool under way', () => {
  const foreseen = { secondsLeft: 605, poolSecondsLeft: 600 };
  const names = (count: number) => Array.from({ length: count }, (_, index) => `w-${index + 1}`);
  /** 100 nodes, five at once, 30 s each; `done` of them after `seconds`. */
  function pool(done: number, inWork: number, over: Partial<PoolUnderWay> = {}): PoolUnderWay {
    return {
      total: 100,
      done: names(done).map((name) => upgraded(name, 30)),
      active: names(inWork).map((name) => ({ node: nodeName(name), workflowId: name })),
      maxUnavailable: 5,
      startedAtMs: 0,
      nodesBefore: 0,
      nodesLater: 0,
      ...over,
    };
  }
  const left = (seconds: number, ...given: Parameters<typeof pool>) =>
    pacedSecondsLeft(foreseen, pool(...given), seconds * 1_000);

  it('is as foreseen until a node is upgraded, and only what is left of it', () => {
    expect(left(20, 0, 1)).toBe(605);
    const skipped = names(50).map((name) => upgraded(name, 1, 'skipped'));
    expect(left(20, 0, 1, { done: skipped })).toBe(5 + 50 * 6);
    expect(left(20, 0, 1, { nodesBefore: 200, nodesLater: 100 })).toBe(5 + 200 * 1.5);
  });

  it('follows the pace of the nodes that are done', () => {
    // The canary is through: five at once from here on.
    expect(left(30, 1, 5)).toBe(5 + 99 * 6);
    // Half of them, in the time that five at once take.
    expect(left(330, 51, 0)).toBe(5 + 49 * 6);
    // Half of them, as slow as budgets let them: ten seconds a node.
    expect(left(530, 51, 0)).toBe(5 + 49 * 10);
    expect(left(605, 97, 3)).toBe(5 + 3 * 6);
    expect(left(640, 100, 0)).toBe(5);
  });

  it('counts the nodes of chunks that have not begun', () => {
    expect(left(330, 51, 0, { nodesLater: 100, nodesBefore: 200 })).toBe(5 + 149 * 6);
  });

  it('is never slower than node after node: people were waited for', () => {
    expect(left(36_000, 51, 0)).toBe(5 + 49 * 30);
    expect(left(36_000, 1, 0)).toBe(5 + 99 * 30);
  });

  it('is what the status says where it foresees nothing of a pool', () => {
    expect(pacedSecondsLeft({ secondsLeft: 60 }, pool(51, 0), 0)).toBe(60);
    expect(pacedSecondsLeft({}, pool(51, 0), 0)).toBeUndefined();
    const empty = pool(0, 0, { total: 0 });
    expect(pacedSecondsLeft({ secondsLeft: 8, poolSecondsLeft: 9 }, empty, 0)).toBe(0);
  });
});
