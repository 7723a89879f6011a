// What selectors of the API select: by labels, and for nodes also by numbers.
// Authority: apimachinery LabelSelectorAsSelector; component-helpers/scheduling, nodeaffinity.

export type LabelsMatch = (labels: Readonly<Record<string, string>>) => boolean;

/** One requirement; the operators of nodes are those of labels, and `Gt` and `Lt`. */
export interface LabelRequirement {
  readonly key: string;
  readonly operator: string;
  readonly values?: readonly string[];
}

export interface LabelSelector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly LabelRequirement[];
}

/** `{}` selects everything, an absent selector nothing. Every requirement must hold. */
export function compileSelector(selector: LabelSelector | undefined): LabelsMatch {
  if (selector === undefined) return () => false;
  const { matchLabels = {}, matchExpressions = [] } = selector;
  const equal = Object.entries(matchLabels).map(
    ([key, value]): LabelsMatch =>
      (labels) =>
        labels[key] === value,
  );
  return allOf([...equal, ...matchExpressions.map(compileRequirement)]);
}

export function allOf(requirements: readonly LabelsMatch[]): LabelsMatch {
  return (labels) => requirements.every((holds) => holds(labels));
}

export function compileRequirement(requirement: LabelRequirement): LabelsMatch {
  const { key, operator, values = [] } = requirement;
  const named = new Set(values);
  switch (operator) {
    case 'In':
      return (labels) => labels[key] !== undefined && named.has(labels[key]);
    case 'NotIn':
      // A label that is missing is "not in" as well.
      return (labels) => labels[key] === undefined || !named.has(labels[key]);
    case 'Exists':
      return (labels) => labels[key] !== undefined;
    case 'DoesNotExist':
      return (labels) => labels[key] === undefined;
    case 'Gt':
      return (labels) => Number(labels[key]) > Number(values[0]);
    case 'Lt':
      return (labels) => Number(labels[key]) < Number(values[0]);
    default:
      // The API server admits no other operator; selecting nothing is what it does with one.
      return () => false;
  }
}
