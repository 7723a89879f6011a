// What is looked at before a hop begins, as findings with a remedy. Pure: an observation in, a
// report out. Where nothing could be seen, that is a finding too (O3).
// F1. `blocks`: the hop could do harm or cannot end. `warns`: a person should know. `notes`: facts.
// F2. A hop whose preflight is asked again after some of its work is done is not refused for it:
//     API servers may be at `from` or at `to`.

import { certificateFindings } from './preflight-certificates';
import type {
  ControlPlaneFacts,
  ControlPlaneObservation,
  PreflightFacts,
} from './preflight-cluster';
import { budgetFindings, nodeFindings, storeFindings } from './preflight-cluster';
import { etcdFindings } from './preflight-etcd';
import { apiFindings } from './preflight-apis';
import { flowControlFindings } from './preflight-flow-control';
import { extensionFindings } from './preflight-extensions';
import { addonFindings } from './preflight-addons';
import { changeFindings } from './preflight-changes';
import { componentFindings } from './preflight-components';
import { definitionFindings } from './preflight-definitions';
import { volumeFindings } from './preflight-volumes';
import { storedFindings } from './preflight-stored';
import { helmFindings } from './preflight-helm';
import { etcdPlaceFindings } from './preflight-etcd-places';
import { machineFindings } from './preflight-machines';
import { rolloutFindings } from './preflight-rollouts';
import { drainFindings } from './preflight-drains';
import { workloadFindings } from './preflight-workloads';
import { supportFindings } from './preflight-support';
import { trustFindings } from './preflight-trust';
import { memberCountFindings, memberSpreadFindings } from './preflight-members';
import type { Finding, PreflightReport, Severity } from './findings';
import type { LeaseObservation, MemberObservation } from '../observation';
import { findingObjectText } from '../status/sentences';
import { isControllerInSkew } from '../plan/skew';
import { compareVersions, minorOf } from '../versions';

const severityOrder: readonly Severity[] = ['blocks', 'warns', 'notes'];

/** Every finding of every check, in the order of PreflightReport. Nothing is thrown. */
export function evaluatePreflight(facts: PreflightFacts): PreflightReport {
  const { observation } = facts;
  const machines = machineFindings(facts);
  return reportOf([
    ...controlPlaneFindings(facts),
    ...memberSpreadFindings(observation),
    ...nodeFindings(facts),
    ...budgetFindings(observation),
    ...rolloutFindings(observation),
    ...storeFindings(facts),
    ...machines,
    ...componentFindings(facts, machines),
    ...changeFindings(facts),
    ...apiFindings(facts),
    ...flowControlFindings(observation),
    ...extensionFindings(observation),
    ...trustFindings(facts),
    ...definitionFindings(observation),
    ...addonFindings(facts),
    ...storedFindings(facts),
    ...volumeFindings(facts),
    ...helmFindings(facts),
    ...etcdPlaceFindings(observation),
    ...workloadFindings(facts),
    ...drainFindings(facts),
    ...supportFindings(facts),
  ]);
}

/** What of it concerns the members alone: the gate before, between and after them. */
export function evaluateControlPlane(facts: ControlPlaneFacts): PreflightReport {
  return reportOf(controlPlaneFindings(facts));
}

function controlPlaneFindings(facts: ControlPlaneFacts): readonly Finding[] {
  const { observation } = facts;
  return [
    ...observation.members.flatMap((member) => memberFindings(member, facts)),
    ...memberCountFindings(observation),
    ...etcdFindings(observation.etcd, facts),
    ...leaseFindings(observation),
    ...certificateFindings(facts),
  ];
}

function reportOf(findings: readonly Finding[]): PreflightReport {
  return { schema: 'ascent.preflight/v1', findings: findings.toSorted(compareFindings) };
}

function compareFindings(a: Finding, b: Finding): number {
  return (
    severityOrder.indexOf(a.severity) - severityOrder.indexOf(b.severity) ||
    (sortKey(a) < sortKey(b) ? -1 : 1)
  );
}

function sortKey({ code, object, message }: Finding): string {
  return [code, findingObjectText(object), message].join('\n');
}

function memberFindings(member: MemberObservation, { hop }: ControlPlaneFacts): readonly Finding[] {
  return [...apiServerFindings(member, hop), ...controllerFindings(member, hop)];
}

function apiServerFindings(
  { name, apiServer }: MemberObservation,
  hop: PreflightFacts['hop'],
): readonly Finding[] {
  const object = { kind: 'member', name } as const;
  if (apiServer.kind === 'unobserved') {
    return [
      {
        code: 'api-server-unobserved',
        severity: 'blocks',
        object,
        message: `its API server could not be asked: ${apiServer.problem.message}`,
        remedy: 'bring the API server up and within reach of the worker',
        evidence: { problem: apiServer.problem.code },
      },
    ];
  }
  const findings: Finding[] = [];
  if (!apiServer.ready) {
    const failing = apiServer.failingChecks.toSorted();
    findings.push({
      code: 'api-server-not-ready',
      severity: 'blocks',
      object,
      message: `its API server is not ready; failing checks: ${checksText(failing)}`,
      remedy: 'look at /readyz?verbose and the log of this API server',
      evidence: { failing },
    });
  }
  const { failingLiveChecks } = apiServer;
  if (failingLiveChecks !== undefined) {
    const failing = failingLiveChecks.toSorted();
    findings.push({
      code: 'api-server-not-live',
      severity: 'blocks',
      object,
      message: `its API server is not live; failing checks: ${checksText(failing)}`,
      remedy: 'look at /livez?verbose and the log of this API server: its host will restart it',
      evidence: { failing },
    });
  }
  if (apiServer.version !== hop.from && apiServer.version !== hop.to) {
    findings.push({
      code: 'version-skew',
      severity: 'blocks',
      object,
      message: `its API server runs ${apiServer.version}, not ${hop.from} where the hop begins`,
      remedy: `find out who changed it, bring it to ${hop.from}, or plan again`,
      about: 'kube-apiserver',
      evidence: { version: apiServer.version, expected: hop.from },
    });
  }
  return findings;
}

function checksText(failing: readonly string[]): string {
  return failing.length === 0 ? 'none named' : failing.join(', ');
}

function controllerFindings(
  member: MemberObservation,
  hop: PreflightFacts['hop'],
): readonly Finding[] {
  const object = { kind: 'member', name: member.name } as const;
  const components = [
    { component: 'kube-controller-manager', seen: member.controllerManager },
    { component: 'kube-scheduler', seen: member.scheduler },
  ];
  return components.flatMap(({ component, seen }): readonly Finding[] => {
    if (seen.kind === 'unobserved') {
      return [
        {
          code: 'controller-unobserved',
          severity: 'blocks',
          object,
          message: `its ${component} could not be asked: ${seen.problem.message}`,
          remedy: `bring ${component} up and within reach of the worker`,
          about: component,
          evidence: { problem: seen.problem.code },
        },
      ];
    }
    const findings: Finding[] = [];
    if (!seen.healthy) {
      findings.push({
        code: 'controller-unhealthy',
        severity: 'blocks',
        object,
        message: `its ${component} says that it is not healthy`,
        remedy: `look at /healthz?verbose and the log of ${component}`,
        about: component,
      });
    }
    // K3 holds with the API servers of `to` above and, before they change, those of `from` below.
    const isLegal =
      isControllerInSkew(seen.version, hop.to) &&
      (compareVersions(seen.version, hop.to) === 0 || isControllerInSkew(seen.version, hop.from));
    if (!isLegal) {
      findings.push({
        code: 'version-skew',
        severity: 'blocks',
        object,
        message: `its ${component} runs ${seen.version}, not ${hop.from} where the hop begins`,
        remedy: `bring ${component} to ${minorOf(hop.from)}`,
        about: component,
        evidence: { version: seen.version, expected: hop.from },
      });
    }
    return findings;
  });
}

const electedComponents = ['kube-controller-manager', 'kube-scheduler'] as const;

/** A leader renews long before the duration is over (15 s, renewed each 2 s, by default). */
function leaseFindings({ leases, members }: ControlPlaneObservation): readonly Finding[] {
  // Without a second member nobody needs to elect, and a leader that is slow is still the leader.
  const severity = members.length === 1 ? 'warns' : 'blocks';
  return electedComponents.flatMap((component) => {
    const lease = leases.find((one) => one.component === component);
    const problem = leaseProblem(lease);
    if (problem === undefined) return [];
    return [
      {
        code: 'lease-stale',
        severity,
        object: { kind: 'lease', name: `kube-system/${component}` },
        message: problem,
        remedy: `see that ${component} runs on the members and can write its lease`,
        evidence: { holder: lease?.holder ?? '' },
      } as const,
    ];
  });
}

function leaseProblem(lease: LeaseObservation | undefined): string | undefined {
  if (lease === undefined) return 'there is no such lease';
  if (lease.holder === '') return 'nobody holds it';
  return lease.renewedSecondsAgo > lease.durationSeconds
    ? `${lease.holder} holds it, but renewed it ${lease.renewedSecondsAgo} s ago` +
        ` (duration ${lease.durationSeconds} s)`
    : undefined;
}
