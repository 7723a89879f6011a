// The random upgrades with faults: 52, in two labs beside each other.
//
// ASCENT_SAFETY_SEEDS=pools-a-07 runs that seed alone, in a lab of its own; several with commas.

import { describeRandomUpgrades, seedKinds } from '../../support/safety/random-upgrades';

jest.setTimeout(2_400_000);

const labs = ['a', 'b'] as const;
const upgradesOfLab = 26;

/** `1.29-a-01`, `1.30-a-02`, then `pools-a-03` and so on. */
function seedsOf(lab: string): readonly string[] {
  return Array.from({ length: upgradesOfLab }, (_, index) => {
    const end = String(index + 1).padStart(2, '0');
    return `${seedKinds[index] ?? 'pools'}-${lab}-${end}`;
  });
}

const asked = (process.env['ASCENT_SAFETY_SEEDS'] ?? '').split(',').filter((seed) => seed !== '');

describeRandomUpgrades(asked.length === 0 ? labs.map(seedsOf) : [asked], {
  comeThrough: asked.length === 0 ? 'most' : 'unknown',
});
