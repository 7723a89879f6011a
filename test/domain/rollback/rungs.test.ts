import {
  cheapestRung,
  isMemberStep,
  type RungChoice,
  type RungFacts,
  type RungReason,
  rungText,
} from '../../../domain/rollback/rungs';
import { memberName, poolName } from '../../support/builders';

const before = ['preflight', 'snapshot'];
const atStart: RungFacts = { done: before, unsettled: [], isLost: false };
const [cp1, cp2] = [memberName('cp-1'), memberName('cp-2')];

function restoring(reason: RungReason): RungChoice {
  return {
    rung: 'restore-etcd',
    tooLittle: [
      { rung: 'none', reason },
      { rung: 'put-back', reason },
    ],
  };
}
const none: RungChoice = { rung: 'none', tooLittle: [] };
const inWork: RungChoice = {
  rung: 'put-back',
  tooLittle: [{ rung: 'none', reason: { code: 'member-in-work', member: cp1 } }],
};

describe('the cheapest way back', () => {
  it.each<readonly [string, Partial<RungFacts>, RungChoice]>([
    ['is none before the first member', {}, none],
    ['is none at a gate before it', { current: 'snapshot', failure: 'snapshot-failed' }, none],
    ['is to put the first member back', { current: 'api-server cp-1' }, inWork],
    [
      'is to put it back when it is tried again',
      { current: 'api-server cp-1', unsettled: ['api-server cp-1'] },
      inWork,
    ],
    [
      'is none when it was put back',
      { current: 'api-server cp-1', failure: 'member-put-back' },
      none,
    ],
    [
      'is none when the members were not fit for it',
      { current: 'api-server cp-1', failure: 'members-unfit' },
      none,
    ],
    [
      'is a restore when it could not be put back',
      {
        current: 'api-server cp-1',
        failure: 'member-not-ready',
        unsettled: ['api-server cp-1'],
      },
      restoring({ code: 'member-not-put-back', member: cp1 }),
    ],
    [
      'is a restore once a member has come up, also when the next was put back',
      {
        done: [...before, 'api-server cp-1'],
        current: 'api-server cp-2',
        failure: 'member-put-back',
      },
      restoring({ code: 'members-moved', members: [cp1] }),
    ],
    [
      'is a restore between the hops',
      { done: [...before, 'api-server cp-1', 'api-server cp-2', 'controllers cp-1', 'verify'] },
      restoring({ code: 'members-moved', members: [cp1, cp2] }),
    ],
    [
      'is a restore once a pool has begun',
      { done: [...before, 'api-server cp-1', 'controllers cp-1'], current: 'pool web' },
      restoring({ code: 'pool-begun', pool: poolName('web') }),
    ],
    [
      'is a restore when nobody knows what was done',
      { done: [], current: 'start', isLost: true },
      restoring({ code: 'progress-unknown' }),
    ],
  ])('%s', (_name, facts, choice) => {
    expect(cheapestRung({ ...atStart, ...facts })).toEqual(choice);
  });

  describe('in a hop of two steps', () => {
    const servers = ['api-server cp-1', 'api-server cp-2'];
    const moved = [...before, ...servers, 'controllers cp-1', 'controllers cp-2'];
    const members: RungReason = { code: 'members-moved', members: [cp1, cp2] };
    const left: RungChoice = {
      rung: 'leave-emulation',
      tooLittle: restoring(members).tooLittle,
      keepsData: true,
    };
    const tooLate = (reason: RungReason, other: RungReason = members): RungChoice => ({
      rung: 'restore-etcd',
      tooLittle: [...restoring(other).tooLittle, { rung: 'leave-emulation', reason }],
    });

    it.each<readonly [string, Partial<RungFacts>, RungChoice]>([
      ['is none before the first member', {}, { ...none, keepsData: true }],
      [
        'is to put the first member back',
        { current: 'api-server cp-1' },
        { ...inWork, keepsData: true },
      ],
      ['is to leave the emulation in its soak', { done: moved, current: 'emulation-soak' }, left],
      [
        'is that also where a member could not be put back',
        {
          current: 'api-server cp-1',
          failure: 'member-not-ready',
          unsettled: ['api-server cp-1'],
        },
        {
          ...left,
          tooLittle: restoring({ code: 'member-not-put-back', member: cp1 }).tooLittle,
        },
      ],
      [
        'is that at the gate before the switch',
        { done: moved, current: 'end-emulation cp-1', failure: 'members-unfit' },
        left,
      ],
      [
        'is a restore once a member may serve as its own minor',
        { done: moved, current: 'end-emulation cp-1' },
        tooLate({ code: 'switch-begun', members: [cp1] }),
      ],
      [
        'is a restore when one could not be made to emulate again',
        {
          done: moved,
          current: 'end-emulation cp-1',
          failure: 'member-not-ready',
          unsettled: ['end-emulation cp-1'],
        },
        tooLate({ code: 'switch-begun', members: [cp1] }),
      ],
      [
        'is a restore once all do',
        {
          done: [...moved, 'end-emulation cp-1', 'end-emulation cp-2'],
          current: 'end-emulation-controllers cp-2',
        },
        tooLate({ code: 'switch-begun', members: [cp1, cp2] }),
      ],
      [
        'is a restore once a pool has begun',
        { done: moved, current: 'pool web' },
        tooLate(
          { code: 'pool-begun', pool: poolName('web') },
          { code: 'pool-begun', pool: poolName('web') },
        ),
      ],
      [
        'is a restore when nobody knows what was done',
        { done: moved, isLost: true },
        tooLate({ code: 'progress-unknown' }),
      ],
    ])('%s', (_name, facts, choice) => {
      expect(cheapestRung({ ...atStart, isTwoStep: true, ...facts })).toEqual(choice);
    });

    it.each<readonly [RungChoice, string]>([
      [
        left,
        'going back takes the old programs and no restore, until the first member serves as its' +
          ' own minor: cp-1, cp-2 have served in the new version',
      ],
      [
        tooLate({ code: 'switch-begun', members: [cp1] }),
        'going back takes a restore of etcd: cp-1 serves as its own minor',
      ],
      [
        tooLate({ code: 'switch-begun', members: [cp1, cp2] }),
        'going back takes a restore of etcd: cp-1, cp-2 serve as their own minor',
      ],
    ])('is said with its reason', (choice, text) => {
      expect(rungText(choice)).toBe(text);
    });
  });

  it.each<readonly [RungChoice, string]>([
    [none, 'nothing of the hop has to be undone: no member runs the new version'],
    [
      inWork,
      'a member that does not come up is put back by itself, which is enough:' +
        ' cp-1 is being changed',
    ],
    [
      restoring({ code: 'members-moved', members: [cp1] }),
      'going back takes a restore of etcd: cp-1 has served in the new version',
    ],
    [
      restoring({ code: 'members-moved', members: [cp1, cp2] }),
      'going back takes a restore of etcd: cp-1, cp-2 have served in the new version',
    ],
    [
      restoring({ code: 'pool-begun', pool: poolName('web') }),
      'going back takes a restore of etcd: pool web has begun, and its kubelets may be newer',
    ],
    [
      restoring({ code: 'member-not-put-back', member: cp1 }),
      'going back takes a restore of etcd: cp-1 failed and could not be put back',
    ],
    [
      restoring({ code: 'progress-unknown' }),
      'going back takes a restore of etcd:' +
        ' what the hop has changed is not known, its workflow was lost',
    ],
  ])('is said with its reason', (choice, text) => {
    expect(rungText(choice)).toBe(text);
  });
});

it('a step that names an object changes a member, unless it is a pool or goes back', () => {
  const labels = ['api-server cp-1', 'controllers cp-2', 'pool web', 'rollback restore', 'verify'];
  expect(labels.filter(isMemberStep)).toEqual(['api-server cp-1', 'controllers cp-2']);
});
