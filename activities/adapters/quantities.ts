// Amounts of resources as the API writes them: `250m`, `0.5`, `128Mi`, `1e3`, `1G`. Pure.
// Authority: k8s.io/apimachinery/pkg/api/resource, Quantity.

const factors: Readonly<Record<string, number>> = {
  '': 1,
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

const shape = /^([+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?)([numkMGTPE]|[KMGTPE]i)?$/;

/** Thousandths, rounded up as the scheduler does; 0 for what is absent or cannot be read. */
export function milliOf(quantity: string | number | undefined): number {
  return roundedUp(amountOf(quantity) * 1_000);
}

/** Whole ones, likewise. */
export function wholeOf(quantity: string | number | undefined): number {
  return roundedUp(amountOf(quantity));
}

function amountOf(quantity: string | number = 0): number {
  const [, digits = '', suffix = ''] = shape.exec(String(quantity)) ?? [];
  const amount = Number(digits) * (factors[suffix] ?? 1);
  return Number.isFinite(amount) ? amount : 0;
}

/** What arithmetic in doubles adds, as in 0.1 + 0.2, is not a thousandth more. */
function roundedUp(amount: number): number {
  const nearest = Math.round(amount);
  const isNearest = Math.abs(amount - nearest) <= Math.abs(amount) * Number.EPSILON * 4;
  return isNearest ? nearest : Math.ceil(amount);
}
