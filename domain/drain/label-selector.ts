// Label selectors as people write them for `kubectl --selector`: app=web,tier!=db,env in (a,b),!old
// Authority: Parse and NewRequirement of k8s.io/apimachinery, pkg/labels/selector.go.
// B1. All mistakes are told, each with the column (from 1) where it is.
// B2. A label that is missing is "not in" and "not equal", as for the API server.

import { alternativesText } from '../input-words';

export type LabelsMatch = (labels: Readonly<Record<string, string>>) => boolean;

export type LabelSelectorResult =
  | { readonly kind: 'parsed'; readonly matches: LabelsMatch }
  | { readonly kind: 'mistaken'; readonly mistakes: readonly [string, ...string[]] };

interface Token {
  readonly text: string;
  readonly column: number;
}

/** One requirement: what stands between two commas that are not inside of parentheses. */
interface Part {
  readonly tokens: readonly Token[];
  /** The column after it. */
  readonly end: number;
}

/** What a part means, or the mistakes in it. */
type Requirement = LabelsMatch | readonly string[];

/** Reads a selector; an empty one matches everything, as it does for kubectl. */
export function parseLabelSelector(text: string): LabelSelectorResult {
  const tokens = tokensOf(text);
  if (tokens.length === 0) return { kind: 'parsed', matches: () => true };
  const requirements = partsOf(tokens, text.length + 1).map(requirementOf);
  const [first, ...rest] = requirements.flatMap((one) => (isMatch(one) ? [] : one));
  if (first !== undefined) return { kind: 'mistaken', mistakes: [first, ...rest] };
  const holding = requirements.filter(isMatch);
  return { kind: 'parsed', matches: (labels) => holding.every((holds) => holds(labels)) };
}

function isMatch(requirement: Requirement): requirement is LabelsMatch {
  return typeof requirement === 'function';
}

const tokenPattern = /==|!=|[=!(),<>]|[^ \t\r\n=!(),<>]+/g;
const wordPattern = /^[^=!(),<>]/;

function tokensOf(text: string): readonly Token[] {
  return [...text.matchAll(tokenPattern)].map((found) => ({
    text: found[0],
    column: found.index + 1,
  }));
}

function partsOf(tokens: readonly Token[], end: number): readonly Part[] {
  const parts: Part[] = [];
  let depth = 0;
  let begun: Token[] = [];
  for (const token of tokens) {
    if (token.text === ',' && depth === 0) {
      parts.push({ tokens: begun, end: token.column });
      begun = [];
      continue;
    }
    if (token.text === '(') depth += 1;
    if (token.text === ')') depth -= 1;
    begun.push(token);
  }
  return [...parts, { tokens: begun, end }];
}

function requirementOf({ tokens, end }: Part): Requirement {
  const isNegated = tokens[0]?.text === '!';
  const [key, ...rest] = isNegated ? tokens.slice(1) : tokens;
  if (!isWord(key)) return [mistake('a label key', key, end)];
  const mistakes = keyMistakes(key);
  const [operator, ...operands] = rest;
  if (isNegated && operator !== undefined) {
    return [...mistakes, mistake('a comma or the end', operator, end)];
  }
  if (operator === undefined) {
    return orMistakes(mistakes, (labels) => Object.hasOwn(labels, key.text) !== isNegated);
  }
  const compare = operators.get(operator.text);
  if (compare === undefined) {
    return [...mistakes, mistake(alternativesText([...operators.keys()]), operator, end)];
  }
  const values = valuesOf(operator, operands, end);
  if ('mistakes' in values) return [...mistakes, ...values.mistakes];
  const holds = compare(values.texts);
  return orMistakes(mistakes, (labels) =>
    holds(Object.hasOwn(labels, key.text) ? labels[key.text] : undefined),
  );
}

function orMistakes(mistakes: readonly string[], matches: LabelsMatch): Requirement {
  return mistakes.length === 0 ? matches : mistakes;
}

function isWord(token: Token | undefined): token is Token {
  return token !== undefined && wordPattern.test(token.text);
}

function mistake(expected: string, found: Token | undefined, end: number): string {
  return found === undefined
    ? `column ${end}: expected ${expected}`
    : `column ${found.column}: expected ${expected}, got ${JSON.stringify(found.text)}`;
}

type Holds = (value: string | undefined) => boolean;

const isIn =
  (values: ReadonlySet<string>): Holds =>
  (value) =>
    value !== undefined && values.has(value);
const isNotIn =
  (values: ReadonlySet<string>): Holds =>
  (value) =>
    value === undefined || !values.has(value);

/** `isRight` compares the number that a label holds with the one of the selector. */
function compares(isRight: (value: bigint, limit: bigint) => boolean) {
  return (values: ReadonlySet<string>): Holds => {
    const [limit] = [...values].map(BigInt);
    return (value) =>
      limit !== undefined && value !== undefined && isInteger(value)
        ? isRight(BigInt(value), limit)
        : false;
  };
}

const operators: ReadonlyMap<string, (values: ReadonlySet<string>) => Holds> = new Map([
  ['=', isIn],
  ['==', isIn],
  ['in', isIn],
  ['!=', isNotIn],
  ['notin', isNotIn],
  ['>', compares((value, limit) => value > limit)],
  ['<', compares((value, limit) => value < limit)],
]);

type Values = { readonly texts: ReadonlySet<string> } | { readonly mistakes: readonly string[] };

function valuesOf(operator: Token, operands: readonly Token[], end: number): Values {
  return operator.text === 'in' || operator.text === 'notin'
    ? listedValues(operands, end)
    : exactValue(operator, operands, end);
}

/** Nothing behind the operator is the empty value. */
function exactValue({ text }: Token, [value, extra]: readonly Token[], end: number): Values {
  if (value !== undefined && !isWord(value)) return { mistakes: [mistake('a value', value, end)] };
  if (extra !== undefined) return { mistakes: [mistake('a comma or the end', extra, end)] };
  const isCompared = text === '<' || text === '>';
  if (isCompared && !isInteger(value?.text ?? '')) {
    return { mistakes: [mistake('a whole number', value, end)] };
  }
  return checked([value ?? { text: '', column: end }]);
}

/** `(a, b)`; nothing before or behind a comma is the empty value. */
function listedValues(operands: readonly Token[], end: number): Values {
  const [open, ...inside] = operands;
  if (open?.text !== '(') return { mistakes: [mistake('(', open, end)] };
  const close = inside.findIndex(({ text }) => text === ')');
  const items = close === -1 ? inside : inside.slice(0, close);
  const stray = items.find((item, index) => !fitsList(item, items[index - 1]));
  if (stray !== undefined) return { mistakes: [mistake('a comma, a value or )', stray, end)] };
  if (close === -1) return { mistakes: [mistake('a comma, a value or )', undefined, end)] };
  const [extra] = inside.slice(close + 1);
  if (extra !== undefined) return { mistakes: [mistake('a comma or the end', extra, end)] };
  if (items.length === 0) return { mistakes: [mistake('at least one value', inside[close], end)] };
  const words = items.filter(isWord);
  const commas = items.length - words.length;
  const hasEmpty = words.length <= commas;
  return checked(hasEmpty ? [...words, { text: '', column: end }] : words);
}

/** Values are parted by commas. */
function fitsList(item: Token, before: Token | undefined): boolean {
  return item.text === ',' || (isWord(item) && !isWord(before));
}

function checked(values: readonly Token[]): Values {
  const mistakes = values
    .filter(({ text }) => !isLabelValue(text))
    .map((value) => mistake(`a label value (${labelText})`, value, value.column));
  return mistakes.length === 0 ? { texts: new Set(values.map(({ text }) => text)) } : { mistakes };
}

const labelText = 'at most 63 letters, digits, -, _ and ., the first and last a letter or a digit';
const labelPattern = /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const subdomainPattern = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const subdomainMax = 253;

function isLabelValue(text: string): boolean {
  return text === '' || labelPattern.test(text);
}

/** What a label key looks like, for people who wrote something else. */
export const labelKeyWanted = `a label key (${labelText}; before it a DNS name and /, or nothing)`;

/** A name, with a DNS subdomain and a slash before it or not. */
export function isLabelKey(text: string): boolean {
  const slash = text.lastIndexOf('/');
  const prefix = text.slice(0, Math.max(0, slash));
  const isPrefixed =
    slash === -1 || (prefix.length <= subdomainMax && subdomainPattern.test(prefix));
  return labelPattern.test(text.slice(slash + 1)) && isPrefixed;
}

function keyMistakes(key: Token): readonly string[] {
  return isLabelKey(key.text) ? [] : [mistake(labelKeyWanted, key, 0)];
}

const integerMax = 2n ** 63n - 1n;

/** What strconv.ParseInt(text, 10, 64) reads, as far as it may be a label value. */
function isInteger(text: string): boolean {
  return /^\d+$/.test(text) && BigInt(text) <= integerMax;
}
