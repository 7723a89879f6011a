import type { CommandRefusal } from '../../../domain/status/control';
import { commandRefusalCodes } from '../../../domain/status/control';
import { failureInfo } from '../../../domain/failure-remedies';
import type { EvidenceDigest, FindingKey, PlanDigest } from '../../../domain/names';
import { refusalSentence } from '../../../domain/status/sentences';
import { hopId, nodeName, poolName } from '../../support/builders';
import { gateIdOf } from '../support/waiting-gates';
import { rowsOf, type SentenceTable } from '../support/sentence-table';

const node = nodeName('worker-2');
const digest = (text: string) => text as PlanDigest;
const finding = 'webhook-slow:webhook/policy' as FindingKey;
const seen = (text: string) => text.repeat(32) as EvidenceDigest;

const refusals: SentenceTable<CommandRefusal['code'], CommandRefusal> = {
  'gate-unknown': [
    [
      { code: 'gate-unknown', gate: gateIdOf('approve/hop-1.31'), open: [] },
      'no gate approve/hop-1.31 is open - nothing waits for an answer',
    ],
    [
      {
        code: 'gate-unknown',
        gate: gateIdOf('approve/hop-1.31'),
        open: [gateIdOf('approve/hop-1.30'), gateIdOf('node/worker-2')],
      },
      'no gate approve/hop-1.31 is open - these are: approve/hop-1.30, node/worker-2',
    ],
  ],
  'finding-unknown': [
    [
      { code: 'finding-unknown', finding: 'nonsense' },
      'nonsense is no finding of a check of this release - name one as ascent preflight -o json' +
        ' or the status does',
    ],
  ],
  'finding-not-acknowledgeable': [
    [
      { code: 'finding-not-acknowledgeable', finding, why: 'cannot-go-on' },
      'nobody can answer for webhook-slow:webhook/policy: a step of the hop would fail whatever' +
        ' is accepted - do what its remedy says',
    ],
    [
      { code: 'finding-not-acknowledgeable', finding, why: 'no-way-back' },
      'nobody can answer for webhook-slow:webhook/policy: there would be no way back - do what' +
        ' its remedy says',
    ],
  ],
  'finding-changed': [
    [
      { code: 'finding-changed', finding, given: seen('ab'), current: seen('cd') },
      'what was seen of webhook-slow:webhook/policy is not what is acknowledged: its digest is' +
        ' cdcdcdcdcdcd, not abababababab - look at it again, then acknowledge that',
    ],
  ],
  'acknowledgement-unknown': [
    [
      { code: 'acknowledgement-unknown', finding, known: [] },
      'nobody has acknowledged webhook-slow:webhook/policy - there is nothing to revoke',
    ],
    [
      { code: 'acknowledgement-unknown', finding, known: [finding] },
      'nobody has acknowledged webhook-slow:webhook/policy - these are:' +
        ' webhook-slow:webhook/policy',
    ],
  ],
  'digest-stale': [
    [
      { code: 'digest-stale', given: digest('aa'), current: digest('bb') },
      'the plan has changed: its digest is bb, not aa - look at the plan as it is now, then' +
        ' answer with its digest',
    ],
  ],
  'already-paused': [
    [{ code: 'already-paused' }, 'the upgrade is paused already - resume it to go on'],
  ],
  'not-paused': [
    [{ code: 'not-paused' }, 'the upgrade is not paused - there is nothing to resume'],
  ],
  'node-not-waiting': [
    [
      { code: 'node-not-waiting', node, waiting: [] },
      'node worker-2 does not wait for a decision - no node does',
    ],
    [
      { code: 'node-not-waiting', node, waiting: [nodeName('worker-3')] },
      'node worker-2 does not wait for a decision - these do: worker-3',
    ],
  ],
  'no-pods-to-force': [
    [
      { code: 'no-pods-to-force', node, failure: 'node-not-ready' },
      'node worker-2 is held for node-not-ready, and no drain of it has named pods that stay -' +
        ' retry the node; only pods that a drain could not move can be forced',
    ],
  ],
  'pods-not-forceable': [
    [
      {
        code: 'pods-not-forceable',
        node,
        problems: (['not-named', 'replaced', 'finalizer', 'in-grace'] as const).map((why) => ({
          pod: { namespace: 'web', name: `web-${why}` },
          why,
        })),
        forceable: [
          { namespace: 'web', name: 'web-0' },
          { namespace: 'web', name: 'web-1' },
        ],
      },
      'pod web/web-not-named is not named by the drain that failed; pod web/web-replaced is' +
        ' another one than that which was looked at; pod web/web-finalizer is held by finalizers,' +
        ' and deleting it again changes nothing; pod web/web-in-grace is leaving, and its grace' +
        ' period is not over - these can be forced: web/web-0, web/web-1',
    ],
    [
      {
        code: 'pods-not-forceable',
        node,
        problems: [{ pod: { namespace: 'web', name: 'web-9' }, why: 'not-named' }],
        forceable: [],
      },
      'pod web/web-9 is not named by the drain that failed - no pod of this node can be forced' +
        ' now',
    ],
  ],
  'pool-unknown': [
    [
      { code: 'pool-unknown', pool: poolName('db'), pools: [poolName('web'), poolName('batch')] },
      'no pool of this upgrade is called db - name one of web, batch',
    ],
    [
      {
        code: 'pool-unknown',
        pool: poolName('wbe'),
        pools: [poolName('web')],
        meant: poolName('web'),
      },
      'no pool of this upgrade is called wbe - name one of web - did you mean web?',
    ],
  ],
  'rollback-unavailable': [
    [
      { code: 'rollback-unavailable', hop: hopId('hop-1.29'), why: 'no-snapshot-yet' },
      'hop-1.29 cannot be rolled back: its snapshot is not verified yet, and nothing has changed' +
        ' so far',
    ],
    [
      { code: 'rollback-unavailable', hop: hopId('hop-1.29'), why: 'next-hop-begun' },
      'hop-1.29 cannot be rolled back: a later hop has begun, and only the latest can be rolled' +
        ' back',
    ],
    [
      { code: 'rollback-unavailable', hop: hopId('hop-1.29'), why: 'not-begun' },
      'hop-1.29 cannot be rolled back: it has not begun',
    ],
    [
      { code: 'rollback-unavailable', hop: hopId('hop-1.29'), why: 'machines-replaced' },
      'hop-1.29 cannot be rolled back: it replaces machines, which no snapshot brings back: set' +
        ' MachineDeployments to the version of before, by hand; a control plane does not go back',
    ],
    [
      { code: 'rollback-unavailable', hop: hopId('hop-1.29'), why: 'already-rolling-back' },
      'hop-1.29 cannot be rolled back: it is being rolled back already',
    ],
  ],
  'report-unknown': [
    [
      { code: 'report-unknown', given: 'abc' },
      'abc is not the digest of the last report of what a rollback would undo - look at a new' +
        ' one (rollback --preview), then confirm that',
    ],
  ],
  'report-changed': [
    [
      {
        code: 'report-changed',
        given: 'abc',
        current: '0123456789abcdef',
        differences: ['secrets in shop: nothing, now 1 created'],
      },
      'what the rollback would undo has changed: secrets in shop: nothing, now 1 created - look' +
        ' at it again (rollback --preview), then confirm 0123456789ab',
    ],
  ],
  'report-failed': [
    [
      {
        code: 'report-failed',
        hop: hopId('hop-1.29'),
        failure: failureInfo('snapshot-missing', 'snapshot s-1 is not in /snapshots'),
      },
      'what a rollback of hop-1.29 would undo cannot be told: snapshot s-1 is not in /snapshots' +
        ' - try again, or roll back without a report (--yes)',
    ],
  ],
  'not-planned-yet': [
    [{ code: 'not-planned-yet' }, 'the plan is not made yet - ask again in a few seconds'],
  ],
  'upgrade-ended': [
    [
      { code: 'upgrade-ended', outcome: 'completed' },
      'the upgrade has ended (completed) - start another one to change the cluster',
    ],
  ],
  'request-malformed': [
    [
      { code: 'request-malformed', problems: ['actor is missing', 'reason is empty'] },
      'the request is malformed: actor is missing; reason is empty - correct it and send it again',
    ],
  ],
  'upgrade-conflict': [
    [
      { code: 'upgrade-conflict', differences: ['pools', 'target'] },
      'an upgrade of this cluster with another spec runs; they differ in pools, target - wait' +
        ' for its end, reject it or roll it back, then start again',
    ],
    [
      { code: 'upgrade-conflict', differences: ['pools.web.maxUnavailable', 'target'] },
      'an upgrade of this cluster with another spec runs; they differ in' +
        ' pools.web.maxUnavailable, target - wait for its end, reject it or roll it back, then' +
        ' start again',
    ],
    [
      {
        code: 'upgrade-conflict',
        differences: ['pools.db.maxUnavailable', 'pools.web.maxUnavailable'],
      },
      'an upgrade of this cluster with another spec runs; they differ in' +
        ' pools.db.maxUnavailable, pools.web.maxUnavailable - change it while that one runs' +
        ' (ascent set pool/db, ascent set pool/web), or wait for its end, reject it or roll it' +
        ' back, then start again',
    ],
    [
      { code: 'upgrade-conflict', differences: [] },
      'an upgrade of this cluster with another spec runs; they differ in  - wait for its end,' +
        ' reject it or roll it back, then start again',
    ],
  ],
};

describe('a refused command', () => {
  it.each(rowsOf(refusals))('$code says: $sentence', ({ variant, sentence }) => {
    expect(refusalSentence(variant)).toBe(sentence);
  });

  it('has a sentence for every code', () => {
    expect(Object.keys(refusals).toSorted()).toEqual([...commandRefusalCodes].toSorted());
  });
});
