// A horizontal bar chart as SVG, for docs/benchmarks.md: groups of bars with their values, readable
// on a light and on a dark page, without a font or a script of its own.

export interface ChartGroup {
  /** `30 pods`. */
  readonly label: string;
  readonly bars: readonly { readonly name: string; readonly value: number }[];
}

export interface Chart {
  readonly title: string;
  /** `s`: stands behind every value. */
  readonly unit: string;
  readonly groups: readonly ChartGroup[];
}

const width = 720;
const labelWidth = 230;
/** For the value behind the longest bar. */
const valueWidth = 80;
const barHeight = 18;
const barGap = 4;
const groupGap = 16;
const titleHeight = 34;
/** Told apart also by those who see no red or no green, on white and on black. */
const colours = ['#2f81f7', '#9a6700', '#8250df'] as const;
const ink = '#768390';

/** The whole document. Bars of one name have one colour; names stand beside the bars. */
export function barChart({ title, unit, groups }: Chart): string {
  const names = [...new Set(groups.flatMap(({ bars }) => bars.map(({ name }) => name)))];
  const longest = Math.max(...groups.flatMap(({ bars }) => bars.map(({ value }) => value)), 1e-9);
  const scale = (width - labelWidth - valueWidth) / longest;
  const parts: string[] = [];
  let y = titleHeight;
  for (const { label, bars } of groups) {
    parts.push(text(0, y + barHeight - barGap, label, 'font-weight="600"'));
    for (const { name, value } of bars) {
      const colour = colours[names.indexOf(name) % colours.length] ?? ink;
      const length = Math.max(1, value * scale);
      const middle = y + barHeight - barGap;
      parts.push(text(labelWidth - 8, middle, name, 'text-anchor="end"'));
      parts.push(
        `<rect x="${labelWidth}" y="${y}" width="${length.toFixed(1)}"` +
          ` height="${barHeight}" rx="2" fill="${colour}"/>`,
      );
      parts.push(text(labelWidth + length + 6, middle, `${value} ${unit}`));
      y += barHeight + barGap;
    }
    y += groupGap;
  }
  const head =
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${y}" width="${width}"` +
    ` height="${y}" role="img" font-family="system-ui, sans-serif" font-size="13">`;
  const lines = [head, `<title>${escaped(title)}</title>`, text(0, 16, title, 'font-size="15"')];
  return [...lines, ...parts, '</svg>', ''].join('\n');
}

function text(x: number, y: number, words: string, more = ''): string {
  const style = more === '' ? '' : ` ${more}`;
  return `<text x="${x.toFixed(1)}" y="${y}" fill="${ink}"${style}>${escaped(words)}</text>`;
}

function escaped(words: string): string {
  return words.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
