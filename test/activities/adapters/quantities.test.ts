import { milliOf, wholeOf } from '../../../activities/adapters/quantities';

describe('a quantity', () => {
  it.each<[string | number | undefined, number]>([
    ['1', 1_000],
    ['250m', 250],
    ['0.1', 100],
    ['0.3', 300],
    ['1.0005', 1_001],
    ['100u', 1],
    ['2k', 2_000_000],
    ['1e2', 100_000],
    ['+1', 1_000],
    [2, 2_000],
    [undefined, 0],
    ['', 0],
    ['a lot', 0],
    ['1.2.3', 0],
    ['1Xi', 0],
  ])('%p is %d thousandths', (quantity, milli) => {
    expect(milliOf(quantity)).toBe(milli);
  });

  it.each<[string, number]>([
    ['128Mi', 134_217_728],
    ['1.5Gi', 1_610_612_736],
    ['1G', 1_000_000_000],
    ['1E3', 1_000],
    ['3E', 3e18],
    ['128974848', 128_974_848],
    ['1500m', 2],
  ])('%p is %d whole ones', (quantity, whole) => {
    expect(wholeOf(quantity)).toBe(whole);
  });
});
