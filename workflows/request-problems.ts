// What is wrong with the shape of what people send. Hand guards: messages come from anybody who
// reaches the Temporal server, and zod stays out of the workflow bundle.

/** Longest request id, in UTF-16 code units. */
export const maxRequestIdLength = 128;
/** Longest actor or reason: both are kept in the audit trail. */
export const maxWordsLength = 1_000;

const fieldsOfAll = {
  requestId: { least: 1, most: maxRequestIdLength },
  actor: { least: 1, most: maxWordsLength },
  reason: { least: 0, most: maxWordsLength },
} as const;

/** What is wrong with a request that also has these texts, all at once. */
export function requestProblems(
  request: unknown,
  texts: readonly string[] = [],
): readonly string[] {
  if (typeof request !== 'object' || request === null) return ['the request must be an object'];
  const fields = request as Readonly<Record<string, unknown>>;
  const names = { least: 1, most: maxWordsLength };
  return [
    ...Object.entries(fieldsOfAll).flatMap(([field, length]) =>
      textProblem(field, fields[field], length),
    ),
    ...texts.flatMap((field) => textProblem(field, fields[field], names)),
  ];
}

/** What is wrong with the shape of a start, all at once. */
export function startProblems(request: unknown): readonly string[] {
  if (typeof request !== 'object' || request === null) return ['the request must be an object'];
  const { spec, requestId, actor } = request as Readonly<Record<string, unknown>>;
  return [
    ...(typeof spec === 'object' && spec !== null ? [] : ['spec must be an object']),
    ...textProblem('requestId', requestId, fieldsOfAll.requestId),
    ...textProblem('actor', actor, fieldsOfAll.actor),
  ];
}

export function textProblem(
  field: string,
  value: unknown,
  length: { readonly least: number; readonly most: number },
): readonly string[] {
  if (typeof value !== 'string') return [`${field} must be a text`];
  if (value.length < length.least) return [`${field} must not be empty`];
  if (value.length <= length.most) return [];
  return [`${field} has ${value.length} characters, at most ${length.most} are allowed`];
}
