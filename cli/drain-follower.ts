// Shows people the drain of one node as it goes; nothing with `-o json`, whose answer comes at the
// end.

import type { OutputFormat } from './globals';
import type { DrainLook } from '../client';
import type { CliContext } from './context';
import { type Follower, textFollower } from './follower';
import { lookEvents, renderLook, standingLook } from './render/node-drain';
import { styleOf } from './session';

export function drainFollower(context: CliContext, output: OutputFormat): Follower<DrainLook> {
  if (output === 'json') {
    const note = (text: string) => context.stderr.write(`${text}\n`);
    return { show: () => undefined, note, end: () => undefined };
  }
  return textFollower<DrainLook>(context, {
    picture(look) {
      // How it ended is told in words of its own, below.
      if (look.status.phase === 'ended') return undefined;
      const { width } = context.stdout;
      return renderLook(look, { nowMs: context.nowMs(), style: styleOf(context), width });
    },
    standing: (look) => standingLook(look, context.nowMs()),
    events: lookEvents,
  });
}
