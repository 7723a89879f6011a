// ConfigMaps of kube-system that tell components what to do.
// C1. Three are asked for by name, and no other.
// C2. What may not be read, or is no good, is told in its place; the rest still is.

import {
  type ConfigMapsObservation,
  type MapOptions,
  type OptionMap,
  optionMaps,
} from '../../domain/component-options';
import { type ComponentProbe, PortError } from '../ports';
import { problemOf } from '../problems';
import { readOptionMap } from './component-maps';
import type { KubeConnection } from './kube-connection';
import { type KubeApiLimits, KubeRequests } from './kube-requests';

export function createComponentProbe(
  connection: KubeConnection,
  limits?: KubeApiLimits,
): ComponentProbe {
  const requests = new KubeRequests(connection, limits);
  return {
    async observe(signal) {
      const read = await Promise.all(optionMaps.map((map) => observeMap(requests, map, signal)));
      return {
        options: read.flatMap(({ options }) => options),
        unread: read.flatMap(({ unread }) => unread),
      };
    },
  };
}

async function observeMap(
  requests: KubeRequests,
  map: OptionMap,
  signal: AbortSignal,
): Promise<ConfigMapsObservation> {
  const doing = `reading ConfigMap kube-system/${map}`;
  try {
    const found = await requests.find({ doing, signal }, (call) =>
      requests.core.readNamespacedConfigMap({ namespace: 'kube-system', name: map }, call),
    );
    if (found === undefined) return { options: [], unread: [] };
    const read = readOptionMap(map, found.data);
    if (read.kind === 'read') {
      return { options: read.options.map((one): MapOptions => ({ map, ...one })), unread: [] };
    }
    const problem = { code: 'unexpected', message: `${doing}: ${read.why}` } as const;
    return { options: [], unread: [{ map, problem }] };
  } catch (error) {
    if (!(error instanceof PortError) || signal.aborted) throw error;
    return { options: [], unread: [{ map, problem: problemOf(error) }] };
  }
}
