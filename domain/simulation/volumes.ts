// What the volumes of a pod ask of its node.
// Authority: pkg/scheduler/framework/plugins of Kubernetes, volumebinding and volumezone.

import type { NodeTerm, SimulatedNode, SimulatedPod, SimulationEvidence } from './evidence';
import { allOf, compileRequirement } from '../label-match';
import type { NodeRefusal, PodRefusal } from './refusals';

export type NodeMatches = (node: SimulatedNode) => boolean;

/** Alternatives, each of which must hold as a whole. */
export function compileTerms(terms: readonly NodeTerm[]): NodeMatches {
  const alternatives = terms.map(compileTerm);
  return (node) => alternatives.some((matches) => matches(node));
}

export function compileTerm({ labels, fields }: NodeTerm): NodeMatches {
  if (labels.length + fields.length === 0) return () => false;
  const ofLabels = allOf(labels.map(compileRequirement));
  const ofFields = allOf(fields.map(compileRequirement));
  return (node) => ofLabels(node.labels) && ofFields({ 'metadata.name': node.name });
}

/** Undefined: it can be reached from the node. */
type VolumeNeed = (node: SimulatedNode) => NodeRefusal | undefined;

export type VolumeNeeds =
  | { readonly kind: 'refused'; readonly refusal: PodRefusal }
  | {
      readonly kind: 'needs';
      /** Pods with the same text need the same. */
      readonly key: string;
      readonly needs: readonly VolumeNeed[];
    };

export type VolumesOf = (pod: Pick<SimulatedPod, 'ref' | 'claims'>) => VolumeNeeds;

const none: VolumeNeeds = { kind: 'needs', key: '', needs: [] };

/**
 * A claim that waits for its first pod is provided wherever its class allows. What a volume that
 * does not exist asks is not known, and nothing is asked for it.
 */
export function volumesIn(
  evidence: Pick<SimulationEvidence, 'claims' | 'volumes' | 'storageClasses'>,
): VolumesOf {
  const claims = new Map(evidence.claims.map((one) => [`${one.namespace}/${one.name}`, one]));
  const volumes = new Map(evidence.volumes.map((one) => [one.name, needOfVolume(one)]));
  const classes = new Map(evidence.storageClasses.map((one) => [one.name, one]));
  return ({ ref, claims: names }) => {
    if (names.length === 0) return none;
    const needs: VolumeNeed[] = [];
    for (const claim of names) {
      const found = claims.get(`${ref.namespace}/${claim}`);
      if (found === undefined) {
        return { kind: 'refused', refusal: { code: 'claim-missing', claim } };
      }
      const of = classes.get(found.storageClass);
      if (found.volume === '' && of?.waitsForPod !== true) {
        return { kind: 'refused', refusal: { code: 'claim-unbound', claim } };
      }
      const need = found.volume === '' ? needOfClass(of?.nodeTerms) : volumes.get(found.volume);
      if (need !== undefined) needs.push((node) => need(node, claim));
    }
    return { kind: 'needs', key: `${ref.namespace}/${names.join(' ')}`, needs };
  };
}

type Need = (node: SimulatedNode, claim: string) => NodeRefusal | undefined;

function needOfVolume({ nodeTerms, zones }: SimulationEvidence['volumes'][number]): Need {
  const reaches = nodeTerms === undefined ? undefined : compileTerms(nodeTerms);
  const labels = Object.entries(zones);
  return (node, claim) => {
    if (reaches?.(node) === false) return { code: 'volume-affinity', claim };
    // A node that says nothing of where it is, is taken for everywhere.
    const isAnywhere = labels.every(([key]) => node.labels[key] === undefined);
    const isThere = labels.every(([key, values]) => values.includes(node.labels[key] ?? ''));
    return isAnywhere || isThere ? undefined : { code: 'volume-zone', claim };
  };
}

function needOfClass(terms: readonly NodeTerm[] | undefined): Need | undefined {
  if (terms === undefined) return undefined;
  const allows = compileTerms(terms);
  return (node, claim) => (allows(node) ? undefined : { code: 'volume-affinity', claim });
}
