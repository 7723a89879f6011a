// Volumes as the ports see them: what pods use, what is attached where, what kubelets report. Pure.

import type {
  V1NodeStatus,
  V1PersistentVolume,
  V1PersistentVolumeSpec,
  V1PodSpec,
  V1VolumeAttachment,
} from '@kubernetes/client-node';

import { zoneLabel } from '../../domain/observation';
import type { AttachmentView, NodeView, PodView, VolumeView } from '../ports';

/** As a view has it: absent where the pod uses no claim. */
export function claimsOf(spec: V1PodSpec | undefined, pod: string): Pick<PodView, 'claims'> {
  const claims = (spec?.volumes ?? []).flatMap(({ name, persistentVolumeClaim, ephemeral }) => {
    if (persistentVolumeClaim !== undefined) return [persistentVolumeClaim.claimName];
    // The claim of a generic ephemeral volume is named after pod and volume.
    return ephemeral === undefined ? [] : [`${pod}-${name}`];
  });
  return claims.length === 0 ? {} : { claims };
}

/** As a view has it: absent where nothing is in use. */
export function volumesInUseOf({
  volumesInUse = [],
}: V1NodeStatus): Pick<NodeView, 'volumesInUse'> {
  return volumesInUse.length === 0 ? {} : { volumesInUse };
}

/** Undefined when it is about a volume that is no PersistentVolume of its own. */
export function attachmentView({
  metadata = {},
  spec,
}: V1VolumeAttachment): AttachmentView | undefined {
  const { name = '' } = metadata;
  const { persistentVolumeName: volume } = spec.source;
  return volume === undefined ? undefined : { name, node: spec.nodeName, volume };
}

/** What zones are called in the node affinity of volumes. */
const zoneKeys: ReadonlySet<string> = new Set([
  zoneLabel,
  'failure-domain.beta.kubernetes.io/zone',
  'topology.disk.csi.azure.com/zone',
  'topology.ebs.csi.aws.com/zone',
  'topology.gke.io/zone',
]);

/** As a view has it: the terms of an affinity are alternatives, each must name its zones. */
function zonesOf({ nodeAffinity }: V1PersistentVolumeSpec): Pick<VolumeView, 'zones'> {
  const terms = nodeAffinity?.required?.nodeSelectorTerms ?? [];
  const zones = terms.map(({ matchExpressions = [] }) => {
    const named = matchExpressions.find(({ key, operator }) => {
      return operator === 'In' && zoneKeys.has(key);
    });
    return named?.values ?? [];
  });
  const isKnown = zones.length > 0 && zones.every((values) => values.length > 0);
  return isKnown ? { zones: [...new Set(zones.flat())] } : {};
}

export function volumeView({ spec = {} }: V1PersistentVolume): VolumeView {
  const { claimRef, csi } = spec;
  const { namespace = '', name = '' } = claimRef ?? {};
  return {
    ...(claimRef === undefined ? {} : { claim: { namespace, name } }),
    // Authority: pkg/volume of Kubernetes, GetUniqueVolumeName, and GetVolumeName of csi.
    ...(csi === undefined
      ? {}
      : { inUseAs: `kubernetes.io/csi/${csi.driver}^${csi.volumeHandle}` }),
    ...zonesOf(spec),
  };
}
