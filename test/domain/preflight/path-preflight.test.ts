import type { Observation } from '../../../domain/observation';
import type { Hop, Step } from '../../../domain/plan/plan';
import type { Finding } from '../../../domain/preflight/findings';
import { findingKey } from '../../../domain/preflight/identity';
import { evaluatePath, pathOf } from '../../../domain/preflight/path-preflight';
import { evaluatePreflight } from '../../../domain/preflight/preflight';
import {
  aCluster,
  anEtcd,
  anEtcdMember,
  aMember,
  aNode,
  aPlan,
  aSpec,
} from '../../support/builders';
import { minor, nodeName, version } from '../../support/builders';
import { evidence, pod } from '../simulation/support';

const releases = ['1.28.15', '1.29.15', '1.30.14', '1.31.14', '1.32.13'].map(version);
const hops = releases.slice(1).map((to, index) => ({ from: releases[index] ?? to, to }));
const healthy = aCluster().withNodes(2);

/** `1.29 warns removed-api-used:api/…`, hop by hop. */
function told(observation: Partial<Observation>, path = hops): readonly string[] {
  const seen = healthy.with(observation).observation();
  return evaluatePath({ observation: seen, hops: path }).flatMap(({ to, findings }) =>
    findings.map((finding) => [to.slice(0, 4), finding.severity, findingKey(finding)].join(' ')),
  );
}

const group = 'flowcontrol.apiserver.k8s.io';
const asked = (apiVersion: string, removedIn: string): Observation['deprecatedUse'] => {
  const flows = { group, version: apiVersion, resource: 'flowschemas', removedIn, requests: 1 };
  const use = { kind: 'observed', items: [flows] } as const;
  return healthy.observation().members.map(({ name }) => ({ member: name, use }));
};

/** Nothing is known of a machine but this. */
function machines(facts: object): Observation['machines'] {
  const fit = {
    space: [{ path: '/', mount: '/', freeBytes: 50_000_000_000 }],
    availableMemoryBytes: 900_000_000,
    swapBytes: 0,
    cgroup: 2,
    runtime: { name: 'containerd', version: version('1.7.28') },
    components: [{ component: 'kubelet', flags: [], gates: [], plugins: [] }],
    clock: { aheadMs: 0, doubtMs: 0 },
    kubeletCertificateSecondsLeft: 300 * 86_400,
    automaticUpgrades: [],
    images: releases.map((one) => `kube-proxy:v${one}`),
    releases,
  } as const;
  return [{ kind: 'observed', name: nodeName('worker-1'), facts: { ...fit, ...facts } }];
}

describe('a path', () => {
  it('has nothing to tell of a healthy cluster, at each of its hops', () => {
    const observation = healthy.observation();
    expect(evaluatePath({ observation, hops })).toEqual(
      hops.map((hop) => ({ ...hop, findings: [] })),
    );
  });

  it('tells of its first hop what the preflight of that hop tells', () => {
    const observation = healthy
      .with({ nodes: [aNode('worker-1', '1.27.1', { ready: false })] })
      .with({
        deprecatedUse: asked('v1beta2', '1.29') ?? [],
        machines: machines({ cgroup: 1 }) ?? [],
      })
      .observation();
    const [first] = evaluatePath({ observation, hops });
    const [hop] = hops;
    const own: readonly Finding[] =
      hop === undefined ? [] : evaluatePreflight({ observation, hop }).findings;
    expect(first?.findings).toEqual(own);
    expect(own.map(({ code }) => code)).toEqual(['node-not-ready', 'removed-api-used']);
  });

  it('tells of the state of the cluster once, and of no skew that the hops before it mend', () => {
    const problem = { code: 'unreachable', message: 'away' } as const;
    const members = healthy.withMember(
      aMember('cp-2', '1.28.15', { scheduler: { kind: 'unobserved', problem } }),
    );
    const nodes = [aNode('worker-1', '1.28.15', { ready: false })];
    expect(told({ members: members.observation().members, nodes })).toEqual([
      '1.29 blocks controller-unobserved:member/cp-2:kube-scheduler',
      '1.29 blocks node-not-ready:node/worker-1',
    ]);
  });

  it('tells at the hop that takes it away which API is in use, and before that once', () => {
    expect(told({ deprecatedUse: asked('v1beta3', '1.31') ?? [] })).toEqual([
      `1.29 notes deprecated-api-used:api/${group}/v1beta3_flowschemas`,
      `1.31 warns removed-api-used:api/${group}/v1beta3_flowschemas`,
    ]);
  });

  it('tells again what becomes worse on the way', () => {
    expect(told({ machines: machines({ cgroup: 1 }) ?? [] })).toEqual([
      '1.31 warns cgroup-v1:node/worker-1',
    ]);
    const certificates = {
      'kube-apiserver': { expiresAt: '2026-12-01T00:00:00Z', expiresInSeconds: 2_500 },
    };
    const members = [aMember('cp-1', '1.28.15', { certificates })];
    const planned = hops.map((hop, index) => ({
      ...hop,
      planned: { hopMs: (index + 1) * 1_000_000, pathMs: 4_000_000 },
    }));
    const about = 'certificate-expires:member/cp-1:kube-apiserver';
    expect(told({ members }, planned)).toEqual([
      `1.29 warns ${about}`,
      '1.29 warns member-single:cluster',
      `1.31 blocks ${about}`,
    ]);
  });

  it('tells of each hop which releases, flags and gates it lacks or takes away', () => {
    const kubelet = { component: 'kubelet', flags: [], gates: ['CSIMigrationRBD'], plugins: [] };
    const few = { releases: releases.slice(0, 3), components: [kubelet] };
    const found = told({ machines: machines(few) ?? [] });
    expect(found.filter((one) => one.includes('machine-release-missing'))).toEqual([
      '1.31 blocks machine-release-missing:node/worker-1',
      '1.32 blocks machine-release-missing:node/worker-1',
    ]);
    expect(found.filter((one) => one.includes('-removed:'))).toEqual([
      '1.31 blocks gate-removed:node/worker-1:kubelet_feature_gate_CSIMigrationRBD',
    ]);
  });

  it('tells of each hop which add-on does not go with it, and expects kube-proxy to follow', () => {
    const workload = (name: string, image: string) => ({ workload: name, images: [image] });
    const workloads = [
      workload('DaemonSet kube-system/kube-proxy', 'registry.k8s.io/kube-proxy:v1.26.1'),
      workload('Deployment ops/scaler', 'registry.k8s.io/autoscaling/cluster-autoscaler:v1.28.0'),
    ];
    const addons = { workloads, unlisted: [] };
    expect(told({ addons }, hops.slice(0, 3))).toEqual([
      '1.29 notes addon-unknown:addon/cluster-autoscaler:1.28.0',
      '1.30 notes addon-unknown:addon/cluster-autoscaler:1.28.0',
      '1.31 notes addon-unknown:addon/cluster-autoscaler:1.28.0',
    ]);
    const [first] = hops;
    const from = { ...first, from: version('1.29.15'), to: version('1.30.14') };
    expect(told({ addons: { ...addons, workloads: workloads.slice(0, 1) } }, [from])).toContain(
      '1.30 blocks addon-incompatible:addon/kube-proxy:1.26.1',
    );
  });

  it('tells at its hop who writes what that takes away, and what may not be looked at', () => {
    const problem = { code: 'forbidden', message: 'no' } as const;
    const use = (apiVersion: string) => ({
      apiVersion: `${group}/${apiVersion}`,
      kind: 'FlowSchema',
      object: 'batch',
      writers: ['helm'],
    });
    const resource = `prioritylevelconfigurations.${group}`;
    const uses = [use('v1beta2'), use('v1beta3')];
    const storedObjects = { until: minor('1.36'), uses, unlisted: [{ resource, problem }] };
    expect(told({ storedObjects })).toEqual([
      `1.29 warns stored-api-removed:api/${group}/v1beta2_FlowSchema`,
      `1.29 warns stored-objects-unobserved:cluster:${resource}`,
      `1.32 warns stored-api-removed:api/${group}/v1beta3_FlowSchema`,
    ]);
  });

  it('says of older observations what of stored objects was not looked at', () => {
    expect(told({ storedObjects: { uses: [], unlisted: [] } })).toEqual([
      '1.31 notes stored-objects-unobserved:cluster',
      '1.32 notes stored-objects-unobserved:cluster',
    ]);
  });

  it('tells again of a Helm release that loses something else', () => {
    const objectOf = (apiVersion: string) => ({
      apiVersion: `${group}/${apiVersion}`,
      kind: 'FlowSchema',
      place: { file: 'a.yaml', line: 1 },
      volumes: [],
    });
    const objects = [objectOf('v1beta2'), objectOf('v1beta3')];
    const releases_ = [{ name: 'web/shop', revision: 1, objects }];
    const helmReleases = { releases: releases_, unread: [], unlisted: [], leftOut: 0 };
    expect(told({ helmReleases })).toEqual([
      '1.29 warns helm-api-removed:helm-release/web/shop',
      '1.29 notes helm-api-deprecated:helm-release/web/shop',
      '1.32 warns helm-api-removed:helm-release/web/shop',
    ]);
  });

  it('tells of the etcd that a hop finds too old', () => {
    const members = [1, 2, 3].map((index) =>
      anEtcdMember(`etcd-${index}`, { version: '3.5.9', isLeader: index === 1 }),
    );
    expect(told({ etcd: anEtcd(3, { members }) })).toEqual(
      [1, 2, 3].map((index) => `1.31 blocks etcd-version-unfit:etcd/etcd-${index}`),
    );
  });
});

describe('the path of a plan', () => {
  const observation = healthy.observation();
  const spec = aSpec({ target: minor('1.31') });
  const withEtcd = aSpec({
    target: minor('1.31'),
    controlPlane: {
      ...spec.controlPlane,
      etcd: [{ hop: minor('1.29'), version: version('3.5.35') }],
    },
  });

  it('says when each hop ends as planned', () => {
    const path = pathOf(aPlan(spec, observation).hops);
    const ends = path.map(({ planned }) => planned?.hopMs ?? 0);
    const [first = 0, , last = 0] = ends;
    expect(path.map(({ from, to }) => [from, to])).toEqual([
      ['1.28.15', '1.29.15'],
      ['1.29.15', '1.30.14'],
      ['1.30.14', '1.31.14'],
    ]);
    expect(ends).toEqual([first, 2 * first, 3 * first]);
    expect(path.map(({ planned }) => planned?.pathMs)).toEqual([last, last, last]);
    const [to] = path.slice(-1).map((hop) => hop.to);
    expect(path.map(({ planned }) => planned?.pathTo)).toEqual([to, to, to]);
    expect(path.map(({ etcd }) => etcd)).toEqual([undefined, undefined, undefined]);
  });

  it('says which etcd API servers find: before them in the hop, or changed on the way', () => {
    const { hops: planned } = aPlan(withEtcd, observation);
    const change = { to: '3.5.35', stage: 'to-come' };
    expect(pathOf(planned).map(({ etcd }) => etcd)).toEqual([undefined, change, change]);
    const before = planned.map((hop) => ({
      ...hop,
      steps: hop.steps.map((step) =>
        step.kind === 'etcd' ? { ...step, place: 'before-api-servers' as const } : step,
      ),
    }));
    expect(pathOf(before).map(({ etcd }) => etcd)).toEqual([change, change, change]);
  });

  it('says what each hop drains, and tells what drains meet at the first hop that does', () => {
    const { hops: planned } = aPlan(spec, observation);
    const nodes = observation.nodes.map(({ name }) => name);
    const drained = pathOf(planned).map(({ pools }) => pools?.map((one) => one.nodes));
    expect(drained).toEqual([[nodes], [nodes], [nodes]]);
    const replaced = planned.map((hop) => ({
      ...hop,
      steps: [...hop.steps, { kind: 'replace-members' } as Step],
    }));
    expect(pathOf(replaced).map(({ pools }) => pools)).toEqual([undefined, undefined, undefined]);

    const [first, ...rest] = planned as [Hop, ...Hop[]];
    const still = { ...first, steps: first.steps.filter(({ kind }) => kind !== 'pool') };
    const seen = evidence({ pods: [pod('web-1', nodes[0] ?? '')] });
    const drains = { kind: 'observed', evidence: seen, unread: [] } as const;
    const found = evaluatePath({
      observation: { ...observation, drains },
      hops: pathOf([still, ...rest]),
    });
    expect(found.map(({ findings }) => findings.map(findingKey))).toEqual([
      ['support-ends:cluster:1.31'],
      ['single-replica:namespace/shop'],
      [],
    ]);
  });
});
