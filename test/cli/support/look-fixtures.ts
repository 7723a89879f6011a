// Looks at the hop to come by a schedule, as Temporal tells of them.

import type { PreflightSchedule } from '../../../client';
import { failureInfo } from '../../../domain/failure-remedies';
import type { Finding } from '../../../domain/preflight/findings';
import { type LookedAhead, lookedAhead, toldOf } from '../../../domain/preflight/look-ahead';
import type { LastLook } from '../../../domain/preflight/schedule';
import { hopId, nodeName, version } from '../../support/builders';

/** What every schedule of looks has. */
export const scheduledLooks = {
  scheduleId: 'preflight/prod',
  nextTimes: ['2026-11-22T01:00:00.000Z'],
  skipped: { overlapping: 0, late: 0 },
};

const from = version('1.29.15');
const hop = { id: hopId('hop-1.30'), from, to: version('1.30.14'), approval: 'none' } as const;

const silent: Finding = {
  code: 'node-not-ready',
  severity: 'blocks',
  object: { kind: 'node', name: nodeName('web-2') },
  message: 'it is not Ready',
  remedy: 'look at its kubelet and its container runtime, or take the node out of the cluster',
};
const slow: Finding = {
  code: 'webhook-slow',
  severity: 'warns',
  object: { kind: 'webhook', name: 'policy' },
  message: 'it may take 30 s',
  remedy: 'give it a shorter timeout',
  evidence: { seconds: 30 },
};
const deprecated: Finding = {
  code: 'deprecated-api-used',
  severity: 'notes',
  object: { kind: 'api', name: 'flowschemas.v1beta3.flowcontrol.apiserver.k8s.io' },
  message: 'API servers were asked for it',
  remedy: 'use v1',
};

function look(findings: readonly Finding[], time: string, before?: LookedAhead): LookedAhead {
  const nowMs = Date.parse(time);
  return lookedAhead({ hop: { ...hop, steps: [] }, findings, nowMs, before: before?.memory });
}

const first = look([slow, deprecated], '2026-11-20T01:00:04Z');
const slower = { ...slow, message: 'it may take 60 s', evidence: { seconds: 60 } };
const second = look([silent, slower], '2026-11-21T01:00:04Z', first);

function after(end: LastLook): PreflightSchedule {
  return {
    ...scheduledLooks,
    cluster: 'prod',
    at: '02:00',
    zone: 'Europe/Berlin',
    actor: 'ada@workstation',
    last: {
      time: '2026-11-21T01:00:04.410Z',
      workflowId: 'preflight/prod/run-2026-11-21T01:00:00Z',
      end,
    },
  };
}

export const firstLook = after(toldOf(first));
export const nightlyLooks = after(toldOf(second));
export const failedLook = after({
  kind: 'failed',
  failure: failureInfo('cluster-unreachable', 'no API server answered'),
});
export const idleLook = after({
  kind: 'nothing-to-look-at',
  atMs: 0,
  why: { code: 'no-upgrade-open' },
});
