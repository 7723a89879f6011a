import { compileSelector, type LabelSelector } from '../../domain/label-match';

describe('a label selector', () => {
  const labels = { app: 'web', tier: 'front', cores: '8' };
  const expression = (key: string, operator: string, values?: string[]): LabelSelector => ({
    matchExpressions: [{ key, operator, ...(values === undefined ? {} : { values }) }],
  });

  it.each<{ name: string; selector: LabelSelector | undefined; selects: boolean }>([
    { name: 'no selector', selector: undefined, selects: false },
    { name: 'an empty selector', selector: {}, selects: true },
    { name: 'equal labels', selector: { matchLabels: { app: 'web' } }, selects: true },
    { name: 'another value', selector: { matchLabels: { app: 'db' } }, selects: false },
    { name: 'a missing label', selector: { matchLabels: { zone: 'a' } }, selects: false },
    {
      name: 'one of two labels',
      selector: { matchLabels: { app: 'web', tier: 'back' } },
      selects: false,
    },
    { name: 'In with the value', selector: expression('app', 'In', ['db', 'web']), selects: true },
    { name: 'In without it', selector: expression('app', 'In', ['db']), selects: false },
    { name: 'In of a missing label', selector: expression('zone', 'In', ['a']), selects: false },
    { name: 'NotIn with the value', selector: expression('app', 'NotIn', ['web']), selects: false },
    { name: 'NotIn without it', selector: expression('app', 'NotIn', ['db']), selects: true },
    {
      name: 'NotIn of a missing label',
      selector: expression('zone', 'NotIn', ['a']),
      selects: true,
    },
    { name: 'Exists', selector: expression('app', 'Exists'), selects: true },
    { name: 'Exists of a missing label', selector: expression('zone', 'Exists'), selects: false },
    { name: 'DoesNotExist', selector: expression('app', 'DoesNotExist'), selects: false },
    {
      name: 'DoesNotExist of a missing label',
      selector: expression('zone', 'DoesNotExist'),
      selects: true,
    },
    { name: 'Gt of a greater number', selector: expression('cores', 'Gt', ['7']), selects: true },
    { name: 'Gt of the same number', selector: expression('cores', 'Gt', ['8']), selects: false },
    { name: 'Gt of no number', selector: expression('app', 'Gt', ['1']), selects: false },
    { name: 'Lt of a smaller number', selector: expression('cores', 'Lt', ['9']), selects: true },
    { name: 'Lt of a missing label', selector: expression('zone', 'Lt', ['9']), selects: false },
    { name: 'an unknown operator', selector: expression('app', 'Near', ['1']), selects: false },
    {
      name: 'labels and an expression that fails',
      selector: {
        matchLabels: { app: 'web' },
        matchExpressions: [{ key: 'tier', operator: 'In', values: ['back'] }],
      },
      selects: false,
    },
  ])('with $name: $selects', ({ selector, selects }) => {
    expect(compileSelector(selector)(labels)).toBe(selects);
  });
});
