// What the demo shows while it runs: the upgrade as `watch` shows it, and the question between the
// hops.

import type { CliContext } from '../../cli/context';
import { upgradeFollower } from '../../cli/upgrade-follower';
import { renderPlan } from '../../cli/render/plan';
import { styleOf } from '../../cli/session';
import type { Plan } from '../../domain/plan/plan';
import { gateSentence } from '../../domain/status/sentences';
import type { DemoScreen } from './demo';

/** Where only the report matters. */
export const silentScreen: DemoScreen = {
  line: () => undefined,
  frame: () => undefined,
  done: () => undefined,
};

/** `yes`: nobody is asked. */
export function terminalScreen(context: CliContext, yes: boolean): DemoScreen {
  const follower = upgradeFollower(context);
  const { confirm } = context;
  let plan: Plan | undefined;
  let isAsking = false;

  const line = (text: string): void => context.stdout.write(`${text}\n`);
  return {
    line,
    planned(made) {
      plan = made;
      for (const text of ['', ...renderPlan(made, styleOf(context)), '']) line(text);
    },
    frame(progress) {
      // A question stands below the picture; drawing over it would hide it.
      if (!isAsking) follower.show({ progress, plan });
    },
    done: () => follower.end(),
    ...(yes || confirm === undefined
      ? {}
      : {
          async ask(gate, signal) {
            isAsking = true;
            follower.end();
            try {
              return await confirm(`${gateSentence(gate)}\nApprove?`, signal);
            } finally {
              isAsking = false;
            }
          },
        }),
  };
}
