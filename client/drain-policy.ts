// A drain policy outside of an upgrade file: the same fields, the same defaults, the same words for
// what is wrong with them.

import type { DrainPolicy } from '../domain/spec';
import { drainSchema, toDrainPolicy } from './drain-schema';

/** The fields of `drain` in an upgrade file, as people write them: `{ timeout: '1h' }`. */
export type DrainFields = Readonly<Record<string, unknown>>;

export interface DrainFieldProblem {
  readonly field: string;
  /** `expected a duration with a unit, …`: what the field should be. */
  readonly message: string;
}

export type DrainPolicyResult =
  | { readonly kind: 'valid'; readonly policy: DrainPolicy }
  | { readonly kind: 'invalid'; readonly problems: readonly DrainFieldProblem[] };

/** The policy with every default filled in, or all problems at once. Throws nothing. */
export function parseDrainPolicy(fields: DrainFields): DrainPolicyResult {
  const parsed = drainSchema.safeParse(fields);
  if (parsed.success) return { kind: 'valid', policy: toDrainPolicy(parsed.data) };
  const problems = parsed.error.issues.map(({ path, message }) => ({
    field: String(path[0] ?? ''),
    message,
  }));
  return { kind: 'invalid', problems };
}

/** That of a pool whose file says nothing about drains. */
export function defaultDrainPolicy(): DrainPolicy {
  return toDrainPolicy(drainSchema.parse({}));
}
