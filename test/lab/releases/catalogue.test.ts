// The catalogue against reality: API servers of every minor in the toolchain, with all APIs
// switched on, and what each component knows of flags.

import { mismatchesOf } from '../../../bench/catalogue/mismatches';
import { realMinor } from '../../../bench/catalogue/programs';
import { shippedKnowledge } from '../../../domain/knowledge/shipped';
import { kubernetesVersions } from '../../../lab/toolchain/catalogue';

jest.setTimeout(900_000);

describe('the catalogue', () => {
  it('says of 1.28 to 1.33 what their programs say', async () => {
    const { signal } = new AbortController();
    const reals = [];
    for (const version of kubernetesVersions) reals.push(await realMinor(version, signal));

    expect(reals.map(({ minor }) => minor)).toEqual([
      '1.28',
      '1.29',
      '1.30',
      '1.31',
      '1.32',
      '1.33',
    ]);
    expect(reals.filter(({ served }) => served.length < 100)).toEqual([]);
    expect(reals.filter(({ gates }) => gates.size < 100)).toEqual([]);
    expect(reals.filter(({ plugins }) => plugins.size < 20)).toEqual([]);
    expect(reals.filter(({ flags }) => flags.length < 3)).toEqual([]);
    expect(await mismatchesOf(shippedKnowledge, reals)).toEqual([]);
  });
});
