// What is read of machines and control planes of Cluster API, and what is written to them.

import {
  controlPlanePatch,
  controlPlaneView,
  parseControlPlane,
} from '../../../activities/drivers/capi-control-plane';
import { memberOf } from '../../../activities/drivers/capi-machines';
import { parseCluster, parseMachine } from '../../../activities/drivers/capi-objects';
import { version } from '../../support/builders';

const ports = { apiServer: 6443, controllerManager: 10_257, scheduler: 10_259, etcd: 2379 };
const labels = { 'cluster.x-k8s.io/control-plane': '' };

function machineAt(...addresses: readonly { readonly type: string; readonly address: string }[]) {
  const status = { nodeRef: { name: 'node-1' }, addresses };
  return parseMachine({ metadata: { name: 'cp-1', labels }, spec: {}, status });
}

describe('a Machine of a control plane', () => {
  it('is a member at its own address inside, and under the name of its node', () => {
    const machine = machineAt(
      { type: 'ExternalIP', address: '192.0.2.1' },
      { type: 'InternalIP', address: '10.0.0.1' },
    );
    expect(memberOf(machine, { ...ports, etcd: 12_379 })).toEqual({
      name: 'node-1',
      apiServer: 'https://10.0.0.1:6443',
      controllerManager: 'https://10.0.0.1:10257',
      scheduler: 'https://10.0.0.1:10259',
      etcd: 'https://10.0.0.1:12379',
    });
    const six = machineAt({ type: 'InternalIP', address: 'fd00::1' });
    expect(memberOf(six, ports)?.apiServer).toBe('https://[fd00::1]:6443');
    const named = machineAt({ type: 'Hostname', address: 'cp-1.example.com' });
    expect(memberOf(named, ports)?.etcd).toBe('https://cp-1.example.com:2379');
  });

  it('is none before it has joined, nor when it is leaving', () => {
    const metadata = { name: 'cp-1', labels };
    expect(memberOf(parseMachine({ metadata, spec: {} }), ports)).toBeUndefined();
    const leaving = machineAt({ type: 'InternalIP', address: '10.0.0.1' });
    const deletionTimestamp = '2026-01-01T00:00:00Z';
    const gone = { ...leaving, metadata: { ...leaving.metadata, deletionTimestamp } };
    expect(memberOf(gone, ports)).toBeUndefined();
  });

  it('that has joined and names no address is said', () => {
    expect(() => memberOf(machineAt(), ports)).toThrow('Machine cp-1 names no address of its own');
  });
});

describe('a control plane', () => {
  const metadata = { name: 'prod', resourceVersion: '7', generation: 3 };
  const cluster = parseCluster({ spec: {} });
  const object = (spec: object, status: object, kind = 'KubeadmControlPlane') =>
    parseControlPlane({ apiVersion: 'x/v1', kind, metadata, spec, status });

  it('is read by the older contract', () => {
    const seen = object(
      { version: 'v1.28.15', replicas: 3 },
      {
        observedGeneration: 2,
        version: 'v1.28.15',
        replicas: 4,
        updatedReplicas: 1,
        readyReplicas: 3,
        conditions: [
          { type: 'Ready', status: 'False', message: 'a sum' },
          { type: 'Resized', status: 'False', reason: 'ScalingUp' },
          { type: 'MachinesReady', status: 'True', message: 'fine' },
          { type: 'EtcdClusterHealthy', status: 'False', message: 'etcd of cp-1 has an alarm' },
        ],
      },
    );
    const machine = machineAt({ type: 'InternalIP', address: '10.0.0.1' });
    const worker = parseMachine({ metadata: { name: 'md-1' }, spec: {} });
    expect(controlPlaneView(seen, cluster, [machine, worker])).toEqual({
      object: 'KubeadmControlPlane prod',
      version: '1.28.15',
      replicas: 3,
      nodes: ['node-1'],
      holds: [],
      revision: '7',
      isObserved: false,
      reached: '1.28.15',
      found: 4,
      updated: 1,
      ready: 3,
      machines: [{ name: 'cp-1', node: 'node-1', isLeaving: false, phase: '', says: '' }],
      says: ['Resized: ScalingUp', 'EtcdClusterHealthy: etcd of cp-1 has an alarm'],
    });
  });

  it('is read by the newer contract, by itself or beside the older one', () => {
    const rolling = { type: 'RollingOut', status: 'True', message: 'Rolling out 2 machines' };
    const idle = { type: 'ScalingDown', status: 'False', reason: 'NotScalingDown' };
    const seen = object({}, { upToDateReplicas: 2, conditions: [rolling, idle] }, 'OtherPlane');
    expect(controlPlaneView(seen, cluster, [])).toMatchObject({
      object: 'OtherPlane prod',
      replicas: 1,
      isObserved: true,
      updated: 2,
      says: ['RollingOut: Rolling out 2 machines'],
    });
    const both = object(
      {},
      { updatedReplicas: 1, v1beta2: { upToDateReplicas: 2, conditions: [rolling] } },
    );
    expect(controlPlaneView(both, cluster, [])).toMatchObject({
      updated: 2,
      says: ['RollingOut: Rolling out 2 machines'],
    });
    expect(controlPlaneView(object({}, { v1beta2: {} }), cluster, []).says).toEqual([]);
  });

  it('belongs to a topology when its Cluster has one, or a label says so', () => {
    const managed = parseCluster({ spec: { topology: { class: 'big' }, paused: true } });
    expect(controlPlaneView(object({}, {}), managed, []).holds).toEqual([
      'cluster-paused',
      'topology',
    ]);
    const owned = { 'topology.cluster.x-k8s.io/owned': '' };
    const annotations = { 'cluster.x-k8s.io/paused': '' };
    const labelled = parseControlPlane({
      apiVersion: 'x/v1',
      kind: 'KubeadmControlPlane',
      metadata: { ...metadata, labels: owned, annotations },
      status: { externalManagedControlPlane: true },
    });
    expect(controlPlaneView(labelled, cluster, []).holds).toEqual(['paused', 'topology', 'hosted']);
  });

  it('is asked with what was seen, and its template named where it stands', () => {
    const to = version('1.29.15');
    const seen = { metadata: { resourceVersion: '7' } };
    const older = object({ machineTemplate: { infrastructureRef: { name: 'cp' } } }, {});
    expect(controlPlanePatch(older, to, undefined)).toEqual({
      ...seen,
      spec: { version: 'v1.29.15' },
    });
    expect(controlPlanePatch(older, to, 'cp-1-29')).toEqual({
      ...seen,
      spec: { version: 'v1.29.15', machineTemplate: { infrastructureRef: { name: 'cp-1-29' } } },
    });
    const spec = { infrastructureRef: { name: 'cp' } };
    const newer = object({ machineTemplate: { spec } }, {});
    expect(controlPlanePatch(newer, to, 'cp-1-29').spec.machineTemplate).toEqual({
      spec: { infrastructureRef: { name: 'cp-1-29' } },
    });
  });

  it('that is none is refused, and says where', () => {
    expect(() => parseControlPlane({ kind: 'KubeadmControlPlane', metadata: {} })).toThrow(
      'a control plane is not as Cluster API has it: apiVersion, metadata.name',
    );
  });
});
