// Shows people an upgrade as it goes.

import type { Plan } from '../domain/plan/plan';
import type { UpgradeProgress } from '../domain/status/progress';
import type { CliContext } from './context';
import { type Follower, textFollower } from './follower';
import { renderProgress } from './render/progress';
import { progressEvents, withStandingBlockers } from './render/progress-events';
import { styleOf } from './session';

export interface UpgradeLook {
  readonly progress: UpgradeProgress;
  /** Undefined as long as it is not known. */
  readonly plan: Plan | undefined;
}

type FollowerContext = Pick<CliContext, 'program' | 'stdout' | 'stderr' | 'nowMs' | 'liveFrame'>;

export function upgradeFollower(context: FollowerContext): Follower<UpgradeLook> {
  const { program, stdout } = context;
  return textFollower<UpgradeLook>(context, {
    picture: ({ progress, plan }) =>
      renderProgress(progress, {
        nowMs: context.nowMs(),
        style: styleOf(context),
        width: stdout.width,
        program,
        ...(plan === undefined ? {} : { plan }),
      }),
    standing: ({ progress, plan }) => ({
      progress: withStandingBlockers(progress, context.nowMs()),
      plan,
    }),
    events: (before, now) => progressEvents(before?.progress, now.progress, { program }),
  });
}
