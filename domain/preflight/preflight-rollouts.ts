// What of pools that are replaced as wholes a person should know before a hop: their drains are
// made by controllers of others, by their own rules.

import type { Finding } from './findings';
import type { Observation } from '../observation';

/** A limit of a drain is one past which budgets do not count any more. */
export function rolloutFindings({
  machineDeployments = [],
}: Pick<Observation, 'machineDeployments'>): readonly Finding[] {
  return machineDeployments.flatMap(({ name, pool, drainTimeout }): readonly Finding[] => {
    if (drainTimeout === undefined) return [];
    const message =
      `MachineDeployment ${name} deletes a machine that is not drained after ${drainTimeout},` +
      ' whatever disruption budgets say';
    const remedy = 'take nodeDrainTimeout out of its template, if budgets are to hold';
    const object = { kind: 'pool', name: pool } as const;
    const said = { message, remedy, about: name, evidence: { drainTimeout } };
    return [{ code: 'rollout-drain-limited', severity: 'warns', object, ...said }];
  });
}
