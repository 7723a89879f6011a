import { mayGoBack } from '../../../domain/rollback/automatic';
import { cheapestRung } from '../../../domain/rollback/rungs';

const done = ['preflight', 'snapshot', 'api-server cp-1'];
const moved = cheapestRung({ done, unsettled: [], isLost: false });
const alone = { done: ['snapshot'], current: 'api-server cp-1', isLost: false };

describe('a failed step of the control plane', () => {
  it.each([
    'member-upgrade-failed',
    'member-not-ready',
    'member-put-back',
    'members-unfit',
    'verification-failed',
  ] as const)('may be gone back from: %s', (failure) => {
    expect(mayGoBack(failure, moved)).toBe(true);
  });

  it('may be gone back from when the only member it changed could not be put back', () => {
    const unsettled = ['api-server cp-1'];
    const cheapest = cheapestRung({ ...alone, unsettled, failure: 'member-not-ready' });
    expect(mayGoBack('member-not-ready', cheapest)).toBe(true);
  });

  it('may be gone back from where nothing that was written is lost', () => {
    const left = cheapestRung({ done, unsettled: [], isLost: false, isTwoStep: true });
    expect(left.rung).toBe('leave-emulation');
    expect(mayGoBack('verification-failed', left)).toBe(true);
  });

  it.each([
    ['when the worker is to blame', 'worker-missing'],
    ['when the network is', 'cluster-unreachable'],
    ['when nobody knows', 'unexpected'],
  ] as const)('is left to a person %s', (_, failure) => {
    expect(mayGoBack(failure, moved)).toBe(false);
  });

  it.each([
    ['a pool has begun', cheapestRung({ done, current: 'pool web', unsettled: [], isLost: false })],
    ['its workflow was lost', cheapestRung({ done: [], unsettled: [], isLost: true })],
    [
      'nothing is to be undone',
      cheapestRung({ ...alone, unsettled: [], failure: 'member-put-back' }),
    ],
  ])('is left to a person when %s', (_, cheapest) => {
    expect(mayGoBack('member-put-back', cheapest)).toBe(false);
  });
});
