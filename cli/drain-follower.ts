// Shows people the drain of one node as it goes: a live picture on a terminal, a line for
// everything that happens elsewhere, nothing with `-o json`, whose answer comes at the end.

import type { DrainLook } from '../client';
import type { CliContext } from './context';
import { lookEvents, renderLook, standingLook } from './render/node-drain';
import { styleOf } from './session';

/** Shows one look after the other. */
export interface DrainFollower {
  show(look: DrainLook): void;
  /** What is not part of a look: it stands beside the picture. */
  note(text: string): void;
  /** Leaves what was shown last where it is. */
  end(): void;
}

export function drainFollower(context: CliContext, output: 'human' | 'json'): DrainFollower {
  if (output === 'json') {
    const note = (text: string) => context.stderr.write(`${text}\n`);
    return { show: () => undefined, note, end: () => undefined };
  }
  return context.stdout.isTerminal ? frameFollower(context) : lineFollower(context);
}

function frameFollower(context: CliContext): DrainFollower {
  const frame = context.liveFrame();
  return {
    show(look) {
      // How it ended is told in words of its own, below.
      if (look.status.phase === 'ended') return;
      const { width } = context.stdout;
      frame.update(renderLook(look, { nowMs: context.nowMs(), style: styleOf(context), width }));
    },
    note(text) {
      frame.done();
      context.stderr.write(`${text}\n`);
    },
    end: () => frame.done(),
  };
}

function lineFollower(context: CliContext): DrainFollower {
  let before: DrainLook | undefined;
  const say = (text: string) => {
    const time = new Date(context.nowMs()).toISOString().slice(11, 19);
    context.stdout.write(`${time}  ${text}\n`);
  };
  return {
    show(look) {
      const now = standingLook(look, context.nowMs());
      for (const line of lookEvents(before, now)) say(line);
      before = now;
    },
    note: say,
    end: () => undefined,
  };
}
