// Examples at the end of every help text, all in one shape.

/** `[command line without the program, what it does]`. */
export type Example = readonly [line: string, does: string];

export function examples(list: readonly Example[], program = 'ascent'): string {
  const lines = list.flatMap(([line, does]) => [`  # ${does}`, `  ${program} ${line}`]);
  return `\nExamples:\n${lines.join('\n')}\n`;
}
