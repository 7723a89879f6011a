import type { DrainBlocker } from '../../../domain/blockers';
import { forcedText, judgeForce, stuckPods } from '../../../domain/drain/force';
import { behindBudget } from '../../support/drain-blockers';

const shop = (name: string) => ({ namespace: 'shop', name });
const stuck = (name: string) => ({ ...shop(name), uid: `uid-${name}` });

function terminating(
  name: string,
  over: Partial<Extract<DrainBlocker, { readonly code: 'pod-terminating' }>> = {},
): DrainBlocker {
  return {
    code: 'pod-terminating',
    pod: shop(name),
    finalizers: [],
    gracePeriodSeconds: 30,
    cause: 'unconfirmed',
    sinceMs: 0,
    ...over,
  };
}

const left = {
  blockers: [
    behindBudget('web-0', 'web', 0),
    terminating('lost', { cause: 'node-not-ready' }),
    terminating('held', { cause: 'finalizer', finalizers: ['a/b'] }),
    terminating('slow', { cause: 'grace', untilMs: 1_000 }),
    terminating('of-an-older-worker'),
  ],
  pods: [stuck('web-0'), stuck('lost'), stuck('held'), stuck('slow'), stuck('of-an-older-worker')],
};

describe('the pods that a drain left', () => {
  it('are those that its blockers name, with their uid', () => {
    const pods = ['web-0', 'web-1'].map((name) => ({ ref: shop(name), uid: `uid-${name}` }));
    const unseen = { code: 'volumes-unobserved', pod: shop('web-1'), message: '403', sinceMs: 0 };
    const blockers = [behindBudget('web-0', 'web', 0), unseen as DrainBlocker];
    expect(stuckPods(blockers, pods)).toEqual([stuck('web-0')]);
  });
});

describe('a pod that is to be forced', () => {
  it('is deleted when it is not leaving, and removed when it outlasts its grace period', () => {
    expect(judgeForce(left, [shop('web-0'), shop('lost')])).toEqual({
      kind: 'forced',
      pods: [
        { ...stuck('web-0'), by: 'delete' },
        { ...stuck('lost'), by: 'remove' },
      ],
    });
  });

  it('counts once', () => {
    expect(judgeForce(left, [shop('web-0'), stuck('web-0')])).toEqual({
      kind: 'forced',
      pods: [{ ...stuck('web-0'), by: 'delete' }],
    });
  });

  it.each([
    ['no blocker names it', shop('web-9'), 'not-named'],
    ['another one is meant', { ...shop('web-0'), uid: 'uid-before' }, 'replaced'],
    ['a finalizer holds it', shop('held'), 'finalizer'],
    ['it is within its grace period', shop('slow'), 'in-grace'],
  ] as const)('is refused with all others when %s', (_why, asked, why) => {
    expect(judgeForce(left, [shop('lost'), asked])).toEqual({
      kind: 'refused',
      problems: [{ pod: { namespace: asked.namespace, name: asked.name }, why }],
      forceable: [shop('web-0'), shop('lost'), shop('of-an-older-worker')],
    });
  });

  it('is told with its uid and with what becomes of it', () => {
    expect(
      forcedText([
        { ...stuck('web-0'), by: 'delete' },
        { ...stuck('lost'), by: 'remove' },
      ]),
    ).toBe(
      'shop/web-0 (uid uid-web-0) deleted past what keeps it, with its own grace period,' +
        ' shop/lost (uid uid-lost) removed although nobody confirms that its containers have ended',
    );
  });
});
