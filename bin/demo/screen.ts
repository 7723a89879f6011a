// What the demo shows while it runs: a live picture on a terminal, lines of news elsewhere, and the
// question between the hops.

import { createInterface } from 'node:readline/promises';

import { createLogUpdate } from 'log-update';

import { progressEvents } from '../../cli/render/progress-events';
import { renderPlan } from '../../cli/render/plan';
import { renderProgress } from '../../cli/render/progress';
import { colourStyle, plainStyle } from '../../cli/render/style';
import type { Plan } from '../../domain/plan';
import type { UpgradeProgress } from '../../domain/progress';
import { gateSentence } from '../../domain/sentences';
import type { DemoScreen } from './demo';

const defaultWidth = 100;

/** Where only the report matters. */
export const silentScreen: DemoScreen = {
  line: () => undefined,
  frame: () => undefined,
  done: () => undefined,
};

/** How hints call the CLI from a checkout. */
const program = 'bin/ascent.mjs';

/** `yes`: nobody is asked. */
export function terminalScreen(yes: boolean): DemoScreen {
  const out = process.stdout;
  const isLive = out.isTTY && process.env['CI'] === undefined;
  const hasColours = out.isTTY && process.env['NO_COLOR'] === undefined;
  const style = hasColours ? colourStyle : plainStyle;
  const live = createLogUpdate(out, { showCursor: true });
  let plan: Plan | undefined;
  let last: UpgradeProgress | undefined;
  let isAsking = false;

  const line = (text: string): void => {
    out.write(`${text}\n`);
  };
  const news = (progress: UpgradeProgress): void => {
    for (const text of progressEvents(last, progress, { program })) {
      line(`${new Date().toISOString().slice(11, 19)}  ${text}`);
    }
  };

  return {
    line,
    planned(made) {
      plan = made;
      line('');
      for (const text of renderPlan(made, style)) line(text);
      line('');
    },
    frame(progress) {
      if (!isLive) news(progress);
      // A question stands below the picture; drawing over it would hide it.
      else if (!isAsking) {
        const view = { nowMs: Date.now(), style, width: out.columns || defaultWidth, program };
        live(renderProgress(progress, plan === undefined ? view : { ...view, plan }).join('\n'));
      }
      last = progress;
    },
    done() {
      live.done();
    },
    ...(yes || !process.stdin.isTTY
      ? {}
      : {
          async ask(gate, signal) {
            isAsking = true;
            live.done();
            const terminal = createInterface({ input: process.stdin, output: out });
            try {
              const question = `${gateSentence(gate)}\nApprove? [y/N] `;
              const answer = await terminal.question(question, { signal });
              return /^y(es)?$/i.test(answer.trim());
            } finally {
              terminal.close();
              isAsking = false;
            }
          },
        }),
  };
}
