import { trustIn } from '../../../activities/adapters/trusted-authorities';
import { createAuthority } from './support/pki';

const hourMs = 3_600_000;
const bundle = (...parts: readonly string[]): string =>
  Buffer.from(parts.join('\n')).toString('base64');

it('ends with the last of its authorities', async () => {
  const beforeMs = Date.now();
  const [over, short, long] = await Promise.all(
    [-1, 3, 7].map(async (hours) => (await createAuthority(`of ${hours}`, hours * hourMs)).ca),
  );
  const read = (...parts: readonly (string | undefined)[]) => {
    const trust = trustIn(bundle(...parts.map((part) => part ?? '')), beforeMs);
    if (trust?.kind !== 'read') throw new Error('not read');
    expect(trust.expiresInSeconds).toBe(
      Math.round((Date.parse(trust.expiresAt) - beforeMs) / 1_000),
    );
    return Math.round(trust.expiresInSeconds / 3_600);
  };
  expect(read(over)).toBe(-1);
  expect(read(long, short, over)).toBe(7);
  // What is no certificate is passed over, as a note between two of them is.
  expect(
    read('# ours', short, '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----'),
  ).toBe(3);
});

it('is unreadable without a certificate, and absent where none is given', () => {
  expect(trustIn(bundle('no certificate'), 0)).toEqual({ kind: 'unreadable' });
  expect(trustIn('%%%', 0)).toEqual({ kind: 'unreadable' });
  expect([trustIn(undefined, 0), trustIn('', 0)]).toEqual([undefined, undefined]);
});
