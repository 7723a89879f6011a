import type { V1ContainerState, V1PodStatus } from '@kubernetes/client-node';

import { podView } from '../../../activities/adapters/kube-views';
import type { PodTrouble } from '../../../domain/drain/budget-explanation';

const ready = (status: string, over: object = {}) => ({ type: 'Ready', status, ...over });

function container(name: string, state: V1ContainerState) {
  return { name, state, image: 'web', imageID: '', ready: false, restartCount: 0 };
}

function troubleOf(status: V1PodStatus): PodTrouble | undefined {
  return podView({ status }).trouble;
}

const pulling = {
  reason: 'ImagePullBackOff',
  message: 'Back-off pulling\n  image "web:2"',
};

describe('what is the matter with a pod', () => {
  it.each<{ name: string; status: V1PodStatus; trouble: PodTrouble | undefined }>([
    {
      name: 'is Ready: nothing',
      status: { phase: 'Running', conditions: [ready('True')] },
      trouble: undefined,
    },
    {
      name: 'has done its work: nothing',
      status: { phase: 'Succeeded', conditions: [ready('False', { reason: 'PodCompleted' })] },
      trouble: undefined,
    },
    { name: 'failed for good: nothing', status: { phase: 'Failed' }, trouble: undefined },
    {
      name: 'has no node: what the scheduler says',
      status: {
        phase: 'Pending',
        conditions: [
          {
            type: 'PodScheduled',
            status: 'False',
            reason: 'Unschedulable',
            message: '0/3 nodes are available: 3 Insufficient cpu.',
          },
        ],
      },
      trouble: {
        code: 'unscheduled',
        reason: 'Unschedulable',
        message: '0/3 nodes are available: 3 Insufficient cpu.',
      },
    },
    {
      name: 'has no node, for no reason that is told',
      status: { phase: 'Pending', conditions: [{ type: 'PodScheduled', status: 'False' }] },
      trouble: { code: 'unscheduled', reason: 'Unschedulable' },
    },
    {
      name: 'is starting: its first container that waits',
      status: {
        phase: 'Pending',
        conditions: [{ type: 'PodScheduled', status: 'True' }, ready('False')],
        containerStatuses: [
          container('side', { running: {} }),
          container('app', { waiting: { reason: 'ContainerCreating' } }),
        ],
      },
      trouble: { code: 'container-waiting', container: 'app', reason: 'ContainerCreating' },
    },
    {
      name: 'cannot start: the container that is why, not those that wait for it',
      status: {
        phase: 'Pending',
        initContainerStatuses: [container('init', { waiting: { reason: 'PodInitializing' } })],
        containerStatuses: [container('app', { waiting: pulling }), container('log', {})],
      },
      trouble: {
        code: 'container-waiting',
        container: 'app',
        reason: 'ImagePullBackOff',
        message: 'Back-off pulling image "web:2"',
      },
    },
    {
      name: 'waits for no reason that is told',
      status: { phase: 'Pending', containerStatuses: [container('app', { waiting: {} })] },
      trouble: { code: 'container-waiting', container: 'app', reason: 'waiting' },
    },
    {
      name: 'cannot run its command: the reason without the command line',
      status: {
        phase: 'Running',
        containerStatuses: [
          container('app', {
            waiting: { reason: 'RunContainerError', message: 'exec: "web --password=secret"' },
          }),
        ],
      },
      trouble: { code: 'container-waiting', container: 'app', reason: 'RunContainerError' },
    },
    {
      name: 'has just crashed: how its container ended',
      status: {
        phase: 'Running',
        initContainerStatuses: [container('init', { terminated: { exitCode: 0 } })],
        containerStatuses: [
          container('log', { running: {} }),
          container('app', { terminated: { exitCode: 137, reason: 'OOMKilled' } }),
        ],
      },
      trouble: { code: 'container-ended', container: 'app', reason: 'OOMKilled', exitCode: 137 },
    },
    {
      name: 'ended for no reason that is told',
      status: { containerStatuses: [container('app', { terminated: { exitCode: 1 } })] },
      trouble: { code: 'container-ended', container: 'app', reason: 'Error', exitCode: 1 },
    },
    {
      name: 'fails its readiness probe: what its condition says',
      status: {
        phase: 'Running',
        conditions: [
          ready('False', {
            reason: 'ContainersNotReady',
            message: 'containers with unready status: [app]',
          }),
        ],
        containerStatuses: [container('app', { running: {} })],
      },
      trouble: {
        code: 'not-ready',
        reason: 'ContainersNotReady',
        message: 'containers with unready status: [app]',
      },
    },
    { name: 'says nothing: nothing', status: { phase: 'Pending' }, trouble: undefined },
    {
      name: 'says no more than that it is not Ready',
      status: { conditions: [ready('False')] },
      trouble: { code: 'not-ready' },
    },
  ])('that $name', ({ status, trouble }) => {
    expect(troubleOf(status)).toEqual(trouble);
  });

  it('is told in 200 characters at the most', () => {
    const message = 'x'.repeat(10_000);
    const conditions = [ready('False', { message })];
    expect(troubleOf({ conditions })).toEqual({ code: 'not-ready', message: 'x'.repeat(200) });
  });

  it('stands since the pod said that it is not Ready, or else not scheduled', () => {
    const at = (ms: number): object => ({ lastTransitionTime: new Date(ms) });
    const waits = { type: 'PodScheduled', status: 'False', ...at(1_000) };
    const sinceMs = (conditions: V1PodStatus['conditions'] & object): number | undefined =>
      podView({ status: { conditions } }).notReadySinceMs;
    expect(sinceMs([waits])).toBe(1_000);
    expect(sinceMs([waits, ready('False', at(2_000))])).toBe(2_000);
    expect(sinceMs([waits, ready('True', at(2_000))])).toBeUndefined();
  });
});
