// The part of the preflight that looks at how components are started, wherever the API tells it:
// command lines of static pods, and the ConfigMaps that kubeadm writes configuration from. It sees
// what machines tell as well (preflight-machines.ts), and says nothing twice:
// C1. What a machine has told already is left out of what its static pods tell.
// C2. What is told of a node is left out of what ConfigMaps tell of all: the remedy names both.

import type {
  ConfigMapsObservation,
  MapOptions,
  OptionMap,
  StaticPodOptions,
} from '../component-options';
import { whyUnknown } from '../knowledge/lookups';
import { shippedKnowledge } from '../knowledge/shipped';
import type { Observation } from '../observation';
import { minorOf } from '../versions';
import type { Finding } from './findings';
import { findingKey } from './identity';
import type { PreflightFacts } from './preflight-cluster';
import { aboutOption, type GoneOption, goneOptions } from './removed-options';

type Hop = PreflightFacts['hop'];

interface ComponentFacts {
  readonly observation: Pick<Observation, 'staticPods' | 'configMaps' | 'machines'>;
  readonly hop: Hop;
}

/** `told`: what machines have told of themselves. */
export function componentFindings(
  { observation, hop }: ComponentFacts,
  told: readonly Finding[],
): readonly Finding[] {
  const { staticPods = [], configMaps = { options: [], unread: [] }, machines } = observation;
  const keys = new Set(told.map(findingKey));
  const ofPods = staticPods
    .flatMap((pod) => podFindings(pod, hop))
    .filter((finding) => !keys.has(findingKey(finding)));
  const ofNodes = new Set([...told, ...ofPods].map(optionKey));
  const ofMaps = configMaps.options
    .flatMap((map) => mapFindings(map, hop))
    .filter((finding) => !ofNodes.has(optionKey(finding)));
  const isTold = staticPods.length + configMaps.options.length > 0;
  return [
    ...ofPods,
    ...ofMaps,
    ...unreadFindings(configMaps),
    // Machines tell it themselves.
    ...(isTold && machines === undefined ? unknownFindings(hop) : []),
  ];
}

/** Whichever object has it. */
function optionKey({ code, about }: Finding): string {
  return `${code} ${about}`;
}

function podFindings(pod: StaticPodOptions, hop: Hop): readonly Finding[] {
  return goneOptions(pod, hop).map((gone): Finding => {
    const { code, component, minor, what } = gone;
    return {
      code,
      severity: 'blocks',
      object: { kind: 'node', name: pod.node },
      message: `its ${component} is told the ${what}, ${unknownTo(gone)}`,
      remedy:
        `take it out of the manifest of static pod ${component} there, and of what writes that` +
        ' (with kubeadm the ConfigMap kubeadm-config)',
      about: aboutOption(gone),
      evidence: { minor, places: [`Pod kube-system/${pod.pod}`] },
    };
  });
}

function mapFindings({ map, ...told }: MapOptions, hop: Hop): readonly Finding[] {
  return goneOptions(told, hop).map((gone): Finding => {
    const { code, component, minor, what } = gone;
    const also = alsoIn[map];
    return {
      code,
      severity: 'blocks',
      object: { kind: 'cluster' },
      message: `the ConfigMap ${map} tells ${component} the ${what}, ${unknownTo(gone)}`,
      remedy: `kubectl -n kube-system edit configmap ${map}, and take it out${also}`,
      about: aboutOption(gone),
      evidence: { minor, places: [`ConfigMap kube-system/${map}`] },
    };
  });
}

const alsoIn: Readonly<Record<OptionMap, string>> = {
  'kubeadm-config': '; see whether manifests on members have it, too',
  'kubelet-config': ' there and of /var/lib/kubelet/config.yaml on machines',
  'kube-proxy': '',
};

function unknownTo({ minor }: GoneOption): string {
  return `which ${minor} does not know: it would not start`;
}

function unreadFindings({ unread }: ConfigMapsObservation): readonly Finding[] {
  return unread.map(({ map, problem }) => ({
    code: 'components-unobserved',
    severity: 'warns',
    object: { kind: 'cluster' },
    message: `what it tells components was not looked into: ${problem.message}`,
    remedy:
      problem.code === 'forbidden'
        ? `allow the worker to get ConfigMap ${map} in kube-system:` +
          ' deploy/rbac/planner.yaml has the rule'
        : `look into ConfigMap ${map} in kube-system by hand for flags and feature gates that go`,
    about: map,
    evidence: { problem: problem.code },
  }));
}

const optionTopics = ['flags', 'gates', 'plugins'] as const;

function unknownFindings({ to }: Hop): readonly Finding[] {
  const minor = minorOf(to);
  const unknown = optionTopics.filter(
    (topic) => whyUnknown(shippedKnowledge, minor, topic) !== undefined,
  );
  if (unknown.length === 0) return [];
  return [
    {
      code: 'components-unobserved',
      severity: 'warns',
      object: { kind: 'cluster' },
      message: `which ${unknown.join(', ')} of components ${minor} removed is not known`,
      remedy: `compare --help of the components of ${minor} with their command lines`,
      about: 'catalogue',
      evidence: { unknown },
    },
  ];
}
