// Pieces of HTML for pages: change records, preflights. Names and reasons in them were written by
// anybody.
// X1. Every text goes through `escaped`: into elements and into attributes alike.
// X2. What would not be seen, or would turn the text around it, is shown by its code point.

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/**
 * Controls other than line ends and tabs, marks and overrides of direction, spaces without a width,
 * and what no file of text or XML can hold: halves of surrogate pairs, U+FFFE and U+FFFF.
 */
const unseen = /[\p{Cs}\p{Cf}\u2028\u2029\uFFFE\uFFFF]|(?![\n\t])\p{Cc}/gu;

/** X2. */
export function visible(text: string): string {
  return text.replace(unseen, codePoint);
}

/** X1, X2; for XML as well. */
export function escaped(text: string): string {
  return visible(text).replace(/[&<>"']/g, (one) => entities[one] ?? one);
}

function codePoint(one: string): string {
  const hex = (one.codePointAt(0) ?? 0).toString(16).toUpperCase();
  return `[U+${hex.padStart(4, '0')}]`;
}

/** Times in UTC to the second: `2026-12-01 02:00:00`; what no calendar has stays a number. */
export function timeText(atMs: number): string {
  const time = new Date(atMs);
  if (Number.isNaN(time.getTime())) return String(atMs);
  return time.toISOString().slice(0, 19).replace('T', ' ');
}

/** `<time>` with the same. */
export function timeElement(atMs: number): string {
  const text = timeText(atMs);
  return `<time datetime="${escaped(`${text.replace(' ', 'T')}Z`)}">${escaped(text)}</time>`;
}

/** Cells are HTML already; the first of each row is its heading when `hasRowHeads`. */
export interface Table {
  readonly caption: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** Columns of numbers, by index. */
  readonly numbers?: readonly number[];
}

export function tableElement({ caption, head, rows, numbers = [] }: Table): string {
  const cell = (html: string, index: number): string =>
    `<td${numbers.includes(index) ? ' class="number"' : ''}>${html}</td>`;
  const heads = head.map((text) => `<th scope="col">${escaped(text)}</th>`).join('');
  const body = rows.map((row) => `<tr>${row.map(cell).join('')}</tr>`).join('\n');
  return (
    `<div class="scroll" role="region" tabindex="0" aria-label="${escaped(caption)}">\n` +
    `<table>\n<caption>${escaped(caption)}</caption>\n` +
    `<thead><tr>${heads}</tr></thead>\n<tbody>\n${body}\n</tbody>\n</table>\n</div>`
  );
}

/** A section with its heading; without content it says so. */
export function sectionElement(id: string, title: string, parts: readonly string[]): string {
  const content = parts.length === 0 ? '<p class="none">None.</p>' : parts.join('\n');
  return (
    `<section aria-labelledby="${id}">\n<h2 id="${id}">${escaped(title)}</h2>\n` +
    `${content}\n</section>`
  );
}
