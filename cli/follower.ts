// Shows people an upgrade as it goes: a live picture on a terminal, a line for everything that
// happens elsewhere.

import type { Plan } from '../domain/plan';
import type { UpgradeProgress } from '../domain/progress';
import type { CliContext } from './context';
import { renderProgress } from './render/progress';
import { progressEvents, withStandingBlockers } from './render/progress-events';
import { styleOf } from './session';

/** Shows one look after the other. */
export interface Follower {
  show(progress: UpgradeProgress, plan: Plan | undefined): void;
  /** What is not part of a look: it stands beside the picture. */
  note(text: string): void;
  /** Leaves what was shown last where it is; the next look is drawn below it. */
  end(): void;
}

type FollowerContext = Pick<CliContext, 'program' | 'stdout' | 'stderr' | 'nowMs' | 'liveFrame'>;

export function textFollower(context: FollowerContext): Follower {
  return context.stdout.isTerminal ? frameFollower(context) : lineFollower(context);
}

function frameFollower(context: FollowerContext): Follower {
  const frame = context.liveFrame();
  let note = '';
  return {
    show(progress, plan) {
      note = '';
      frame.update(
        renderProgress(progress, {
          nowMs: context.nowMs(),
          style: styleOf(context),
          width: context.stdout.width,
          program: context.program,
          ...(plan === undefined ? {} : { plan }),
        }),
      );
    },
    note(text) {
      if (text === note) return;
      note = text;
      frame.done();
      context.stderr.write(`${text}\n`);
    },
    end: () => frame.done(),
  };
}

function lineFollower(context: FollowerContext): Follower {
  let before: UpgradeProgress | undefined;
  const say = (text: string) => {
    const time = new Date(context.nowMs()).toISOString().slice(11, 19);
    context.stdout.write(`${time}  ${text}\n`);
  };
  return {
    show(progress) {
      const now = withStandingBlockers(progress, context.nowMs());
      for (const line of progressEvents(before, now, { program: context.program })) say(line);
      before = now;
    },
    note: say,
    end: () => undefined,
  };
}
