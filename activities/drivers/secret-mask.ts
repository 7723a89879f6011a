// Keeps the values of secret variables out of whatever a program says.
// K1. A variable is secret by its name. Its value is masked wherever it stands as it is, also each
//     long line of one that has several; what a program makes of it (base64, parts) is not known.
// K2. Control characters go as well: what is told ends up on terminals.

const secretName = /TOKEN|KEY|PASS|SECRET|CREDENTIAL/i;
/** Shorter lines of a value with several say nothing by themselves. */
const lineCharsMin = 8;

export type Mask = (text: string) => string;

export function createMask(environment: Readonly<Record<string, string>>): Mask {
  const secrets = Object.entries(environment)
    .filter(([name, value]) => secretName.test(name) && value.trim() !== '')
    .flatMap(([, value]) => [value, value.trim(), ...linesOf(value)]);
  // The longest first: one may be a part of another.
  const sorted = [...new Set(secrets)].toSorted((a, b) => b.length - a.length);
  return (text) => {
    const masked = sorted.reduce((left, secret) => left.replaceAll(secret, '***'), text);
    return masked.replaceAll(/\p{Cc}+/gu, ' ').trim();
  };
}

function linesOf(value: string): readonly string[] {
  const lines = value.split('\n').map((line) => line.trim());
  return lines.length < 2 ? [] : lines.filter((line) => line.length >= lineCharsMin);
}
