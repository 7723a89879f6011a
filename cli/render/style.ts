// Colours as a value: rendering is a pure function of its input and of this. With plainStyle the
// text is the same, without escape sequences.

import { createColors } from 'picocolors';

export interface Style {
  readonly strong: (text: string) => string;
  readonly faint: (text: string) => string;
  readonly good: (text: string) => string;
  readonly bad: (text: string) => string;
  /** What waits, or wants to be looked at. */
  readonly wait: (text: string) => string;
  /** What goes on now. */
  readonly busy: (text: string) => string;
}

function styleOf(hasColours: boolean): Style {
  const colours = createColors(hasColours);
  return {
    strong: colours.bold,
    faint: colours.dim,
    good: colours.green,
    bad: colours.red,
    wait: colours.yellow,
    busy: colours.cyan,
  };
}

export const plainStyle: Style = styleOf(false);
export const colourStyle: Style = styleOf(true);
