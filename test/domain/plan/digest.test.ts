import { planDigestOf, sha256Hex } from '../../../domain/plan/digest';
import { aCluster, aPlan, aSpec, version } from '../../support/builders';

// FIPS 180-4 example, and UTF-8 beyond ASCII (sha256sum of the same bytes).
it.each([
  { text: 'abc', hex: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad' },
  { text: '', hex: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855' },
  { text: 'é', hex: '4a99557e4033c3539de2eb65472017cad5f9557f7a0625a09f1c3f6e2ba69c4c' },
])('SHA-256 of $text', ({ text, hex }) => {
  expect(sha256Hex(text)).toBe(hex);
});

it('the digest of a plan covers every field but itself', () => {
  const plan = aPlan(aSpec(), aCluster().withNodes(1).observation());
  expect(planDigestOf({ ...plan, digest: plan.digest } as typeof plan)).toBe(plan.digest);
  expect(planDigestOf({ ...plan, from: version('1.28.1') })).not.toBe(plan.digest);
  expect(planDigestOf({ ...plan, hops: plan.hops.toReversed() })).not.toBe(plan.digest);
});
