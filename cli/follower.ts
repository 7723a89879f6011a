// Shows people something as it goes: a live picture on a terminal, a line for everything that
// happens elsewhere. What it is, and its words, are told by who follows it.

import type { CliContext } from './context';

/** Shows one look after the other. */
export interface Follower<Look> {
  show(look: Look): void;
  /** What is not part of a look: it stands beside the picture. */
  note(text: string): void;
  /** Leaves what was shown last where it is; the next look is drawn below it. */
  end(): void;
}

type FollowerContext = Pick<CliContext, 'stdout' | 'stderr' | 'nowMs' | 'liveFrame'>;

/** How a look is told. */
export interface Telling<Look> {
  /** The picture of a terminal; undefined where the last one is to stay. */
  readonly picture: (look: Look) => readonly string[] | undefined;
  /** The look as those should see it who get every line. */
  readonly standing: (look: Look) => Look;
  /** What is new since the look before, one line each. */
  readonly events: (before: Look | undefined, now: Look) => readonly string[];
}

export function textFollower<Look>(
  context: FollowerContext,
  telling: Telling<Look>,
): Follower<Look> {
  return context.stdout.isTerminal
    ? frameFollower(context, telling)
    : lineFollower(context, telling);
}

function frameFollower<Look>(context: FollowerContext, { picture }: Telling<Look>): Follower<Look> {
  const frame = context.liveFrame();
  let note = '';
  return {
    show(look) {
      note = '';
      const lines = picture(look);
      if (lines !== undefined) frame.update(lines);
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

function lineFollower<Look>(context: FollowerContext, telling: Telling<Look>): Follower<Look> {
  let before: Look | undefined;
  const say = (text: string) => {
    const time = new Date(context.nowMs()).toISOString().slice(11, 19);
    context.stdout.write(`${time}  ${text}\n`);
  };
  return {
    show(look) {
      const now = telling.standing(look);
      for (const line of telling.events(before, now)) say(line);
      before = now;
    },
    note: say,
    end: () => undefined,
  };
}
